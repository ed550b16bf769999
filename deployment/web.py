"""The page without JavaScript, and the JSON API: `python -m deployment.web`."""

import signal
import sys

from deployment.common.command_line import fail, parser
from paper_tasks.errors import ModelError
from paper_tasks.tagger.wording import PROJECT


def main(arguments: list[str] | None = None) -> None:
    """The command line. If the program cannot serve, it prints one sentence and exits with code 2."""
    description = "Serves the page that finds a paper's tasks, and its JSON API."
    options = parser(description, "127.0.0.1", "8000").parse_args(arguments)
    # Only now, so that a wrong option costs no seconds.
    from deployment.flask_app.server import create_server
    from deployment.flask_app.views import create_app
    from paper_tasks.tagger.classifier import TaskClassifier

    address = f"{options.host}:{options.port}"
    try:
        server = create_server(create_app(TaskClassifier.load(options.model)), options.host, options.port)
    except ModelError as error:
        fail(str(error))
    except (OSError, ValueError) as error:
        fail(f"Cannot serve at {address} ({error}); choose another address with --host and --port.")
    # The signal by which a host ends a program; it ends this one as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"{PROJECT} is at http://{address} (Ctrl-C ends it).", flush=True)
    server.run()


if __name__ == "__main__":
    main()
