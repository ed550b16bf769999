"""What both doors take at most."""

# Longer than any title or abstract.
TITLE_CHARACTERS, ABSTRACT_CHARACTERS = 1_000, 20_000
# Papers at once, by a program.
PAPERS = 256
# More people than this waiting for one small machine are better told to come back.
PLACES = 64
