"""What both front ends take at most, unless they say otherwise."""

# Longer than any title or abstract. The app's API takes longer ones, and reads what `clean_text` leaves of them.
TITLE_CHARACTERS, ABSTRACT_CHARACTERS = 1_000, 20_000
# In one request of a program.
PAPERS = 256
# Requests that wait for the model, or that it answers. One small machine would answer more of them too late.
QUEUE_SIZE = 64
