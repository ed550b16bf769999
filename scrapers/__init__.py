"""Collects papers from what is left of Papers with Code into a CSV in csv_files/."""
