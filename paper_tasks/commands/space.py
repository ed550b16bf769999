"""`paper-tasks space`: the app as one folder that Hugging Face can run."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from paper_tasks.commands.common import check_apps_are_here


def space(
    output: Annotated[Path, Argument(help="Folder to put the Space in.")] = Path("build/space"),
    push: Annotated[
        str | None,
        Option(metavar="USER/NAME", help="After the trial, upload it to the Hugging Face hub.", show_default=False),
    ] = None,
) -> None:
    """Put the app together as a Hugging Face Space.

    The Space is then tried in a new environment. With --push, it is uploaded.
    """
    check_apps_are_here()
    from paper_tasks.export import space

    if push is not None:
        # A wrong name is reported now, and not after the trial, which takes minutes.
        space.check_name(push)
    files = space.assemble(output)
    print(f"{output} holds the Space, {len(files)} files. Trying it in a new environment ...", flush=True)
    answer = space.check(output)
    print(f"It works: '{space.QUESTION[0]}' is about {answer[0]['task']} ({answer[0]['probability']:.0%}).")
    if push is not None:
        print(f"Uploaded: {space.push(output, push)}")
