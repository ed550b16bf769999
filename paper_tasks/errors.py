"""The exceptions that are meant for the person at the command line."""


class InputError(Exception):
    """A wrong input. The message is one sentence: which file, row and column, and what to do.

    The command line prints it and exits with code 2, without a traceback.
    """


class ModelError(InputError):
    """A model's folder that cannot be used. The message is one sentence: which folder and file, and what to do."""


class EmptyPaper(InputError, ValueError):
    """A paper without a word in title and abstract. `index` is its index among the papers given, from 0."""

    def __init__(self, index: int) -> None:
        super().__init__(f"Paper {index + 1} has no words in its title or abstract: give either.")
        self.index = index


class Interrupted(Exception):
    """Work that Ctrl-C or a signal ended in an orderly way. The message says what is kept and how to continue.

    The command line prints it and exits with code 130. (typer would drop the message of a KeyboardInterrupt.)
    """
