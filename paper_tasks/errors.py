"""The exceptions that are meant for the person at the command line."""


class InputError(Exception):
    """Bad input, told in one sentence: which file, row and column, and what to do.

    The command line prints the sentence and exits with code 2, without a traceback.
    """


class ModelError(InputError):
    """The model folder cannot be used, told in one sentence: which folder and file, and what to do."""


class EmptyPaper(InputError, ValueError):
    """A paper has no word in title or abstract. `index` is its place among the papers given, from 0."""

    def __init__(self, index: int) -> None:
        super().__init__(f"Paper {index + 1} has no words in its title or abstract: give either.")
        self.index = index


class Interrupted(Exception):
    """Work that Ctrl-C or a signal ended in an orderly way: what is kept, and how to go on.

    The command line prints it and exits with code 130. (Of a KeyboardInterrupt typer would drop the words.)
    """
