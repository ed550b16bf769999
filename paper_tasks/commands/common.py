"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

from typer import Option

Prepared = Annotated[Path, Option("--prepared", help="Folder that `prepare` wrote.")]
Resume = Annotated[bool, Option("--resume", help="Continue from the last checkpoint in the output folder.")]
Overwrite = Annotated[bool, Option("--overwrite", help="Replace what is in the output folder.")]
