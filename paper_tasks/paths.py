"""Where the files lie that ship with the code: in the package of a wheel; beside it in a checkout or a Space."""

from pathlib import Path

PACKAGE = Path(__file__).parent
CHECKOUT = PACKAGE.parent


def _shipped(in_wheel: str, in_checkout: str) -> Path:
    packaged = PACKAGE / in_wheel
    return packaged if packaged.is_dir() else CHECKOUT / in_checkout


MODEL_DIR = _shipped("model", "deployment/model")
JSON_FILES = _shipped("json_files", "json_files")
