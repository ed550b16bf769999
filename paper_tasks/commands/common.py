"""Options and checks that several commands share."""

from pathlib import Path
from typing import Annotated

from typer import Option

from paper_tasks.errors import InputError
from paper_tasks.paths import CHECKOUT

Prepared = Annotated[Path, Option("--prepared", help="Folder that `prepare` wrote.")]
Resume = Annotated[bool, Option("--resume", help="Continue from the last checkpoint in the output folder.")]
Overwrite = Annotated[bool, Option("--overwrite", help="Replace what is in the output folder.")]


def check_apps_are_here() -> None:
    """Raises InputError where the library was installed from a wheel, which holds no apps."""
    if not (CHECKOUT / "deployment" / "app.py").is_file():
        raise InputError("This command needs the apps, which are not installed; run it in a clone of the project.")
