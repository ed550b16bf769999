"""What every command line here has in common: where things lie, and how what fails is told."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from paper_tasks.errors import InputError, Interrupted

PREPARED = Path("csv_files/prepared")


@contextmanager
def one_sentence_errors() -> Iterator[None]:
    """Turns what a user can cause into a sentence on stderr and exit code 2."""
    try:
        yield
    except InputError as error:
        sys.exit(_fail(str(error)))
    except MemoryError:
        sys.exit(_fail("The memory of this machine is used up; close other programs or give fewer papers."))
    except BrokenPipeError:
        # Whoever read our output has left; Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except ModuleNotFoundError as error:
        sys.exit(_fail(f"This needs the package {error.name}, which is not installed; run `make install`."))
    except OSError as error:
        sys.exit(_fail(f"{error.filename or 'A file'} cannot be read or written ({error.strerror or error})."))
    except Interrupted as error:
        print(f"Interrupted. {error}".strip(), file=sys.stderr)
        sys.exit(130)


def positive(text: str) -> int:
    """For argparse: a whole number from 1 up."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1 up")
    return int(text)


def _fail(sentence: str) -> int:
    print(f"error: {sentence}", file=sys.stderr)
    return 2
