"""The page that people open, and its API: `python -m deployment.app`, or `python app.py` inside a Space."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from deployment.common.command_line import fail, parser
from deployment.gradio_app import uploads
from paper_tasks.errors import InputError

HOST, PORT = "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT"


def main(arguments: list[str] | None = None) -> None:
    """The command line. If the program cannot serve, it prints one sentence and exits with code 2."""
    # A Space is reached from outside its container; at home, nobody else should reach the page.
    host = os.environ.get(HOST) or ("0.0.0.0" if "SPACE_ID" in os.environ else "127.0.0.1")
    # Not left in the environment: gradio's import ends with a traceback if it is not a port.
    port = os.environ.pop(PORT, "") or "7860"
    description = "Serves the page that finds a paper's tasks, and its API."
    options = parser(description, host, port, (HOST, PORT)).parse_args(arguments)
    with _folder_of_uploads():
        # Only now, for gradio takes seconds to load.
        from deployment.gradio_app.server import serve
        from paper_tasks.tagger.classifier import TaskClassifier

        try:
            classifier = TaskClassifier.load(options.model)
            serve(classifier, options.host, options.port, model=options.model).block_thread()
        except InputError as error:
            fail(str(error))
        except OSError:
            # Gradio's own message has three lines, and is the same for both.
            address = f"{options.host}:{options.port}"
            fail(f"Cannot serve at {address}: it is taken or not of this machine; choose another by --host and --port.")


@contextmanager
def _folder_of_uploads() -> Iterator[None]:
    """Gives this process a folder for uploads, which is deleted at the end, also when a signal ends the program."""
    parent = uploads.upload_folder()
    try:
        folder = uploads.own_folder(parent)
    except OSError as error:
        fail(f"Uploads cannot be kept in {parent} ({error.strerror}); name another folder by {uploads.VARIABLE}.")

    def end(*_: Any) -> NoReturn:
        shutil.rmtree(folder.name, ignore_errors=True)
        # Past Python's own end, which aborts while a thread is still inside the model.
        os._exit(0)

    with folder:
        os.environ[uploads.VARIABLE] = folder.name
        # Ctrl-C, and the signal by which a host ends a program.
        before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


if __name__ == "__main__":
    main()
