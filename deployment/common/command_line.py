"""What the command lines of both doors share."""

import argparse
import sys
from typing import NoReturn


def port(text: str) -> int:
    """For argparse: the number of a port, from 1 to 65535."""
    if not (text.isdecimal() and 1 <= int(text[:6]) <= 65_535):
        raise argparse.ArgumentTypeError(f"'{text}' is no port, which is a number from 1 to 65535")
    return int(text)


def fail(sentence: str) -> NoReturn:
    """Ends the program with a sentence on stderr and exit code 2."""
    print(f"error: {sentence}", file=sys.stderr)
    sys.exit(2)
