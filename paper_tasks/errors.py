"""The one exception for input that a person can mend."""


class InputError(Exception):
    """Bad input, told in one sentence: which file, row and column, and what to do.

    The command line prints the sentence and exits with code 2, without a traceback.
    """
