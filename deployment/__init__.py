"""What ships: the quantized classifier and its web page. Imports nothing from the rest of the repository."""
