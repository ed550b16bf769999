"""What both doors take at most, unless it says otherwise."""

# Longer than any title or abstract. The app's API takes longer ones, too, and reads what `clean_text` leaves of them.
TITLE_CHARACTERS, ABSTRACT_CHARACTERS = 1_000, 20_000
# Papers at once, by a program.
PAPERS = 256
# More people than this waiting for one small machine are better told to come back.
PLACES = 64
