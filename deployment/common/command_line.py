"""What the command lines of both programs share."""

import argparse
import sys
from pathlib import Path
from typing import NoReturn

from paper_tasks.paths import MODEL_DIR


def parser(description: str, host: str, port: str, variables: tuple[str, str] | None = None) -> argparse.ArgumentParser:
    """--model, --host and --port, with these defaults; `variables` name what sets the last two in the environment."""
    by_host, by_port = (f"; or {variable}" for variable in variables) if variables else ("", "")
    found = argparse.ArgumentParser(description=description)
    found.add_argument("--model", type=Path, default=MODEL_DIR, help="folder of an exported model (default: bundled)")
    found.add_argument("--host", default=host, help=f"address to serve at{by_host} (default: %(default)s)")
    found.add_argument("--port", type=_port, default=port, help=f"port to serve at{by_port} (default: %(default)s)")
    return found


def fail(sentence: str) -> NoReturn:
    """Ends the program with a sentence on stderr and exit code 2."""
    print(f"error: {sentence}", file=sys.stderr)
    sys.exit(2)


def _port(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text[:6]) <= 65_535):
        raise argparse.ArgumentTypeError(f"'{text}' is not a port: give a number from 1 to 65535")
    return int(text)
