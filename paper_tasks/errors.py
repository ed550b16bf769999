"""The exceptions that are meant for the person at the command line."""


class InputError(Exception):
    """Bad input, told in one sentence: which file, row and column, and what to do.

    The command line prints the sentence and exits with code 2, without a traceback.
    """


class Interrupted(Exception):
    """Work that Ctrl-C or a signal ended in an orderly way: what is kept, and how to go on.

    The command line prints it and exits with code 130. (Of a KeyboardInterrupt typer would drop the words.)
    """
