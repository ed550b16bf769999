"""Serves the page and its API by Gradio's own server."""

from pathlib import Path

import gradio as gr
from starlette.middleware import Middleware

from deployment.common.arxiv import Arxiv
from deployment.gradio_app import gradio_patches, papers_file
from deployment.gradio_app.layout import build, theme
from deployment.gradio_app.log import RequestLog
from deployment.gradio_app.middleware import BodyLimit, RetryAfter
from paper_tasks.paths import MODEL_DIR
from paper_tasks.tagger.classifier import TaskClassifier
from paper_tasks.tagger.wording import PROJECT

CSS = Path(__file__).with_name("page.css")
# Gradio keeps some 100 kB for each visitor and for each question to its API; by default, for the last 10,000.
SESSIONS = 500
# An upload, and what surrounds it in a request.
MOST_BYTES = papers_file.MOST_BYTES + 100_000


def serve(
    classifier: TaskClassifier, host: str, port: int, arxiv: Arxiv | None = None, model: Path = MODEL_DIR
) -> gr.Blocks:
    """Starts to serve the page at http://host:port, from threads of its own; `model` is the classifier's folder.

    Raises OSError if it cannot serve there, and GradioChanged if Gradio is not the version that it needs.
    """
    gradio_patches.apply()
    blocks = build(classifier, arxiv, model)
    blocks.launch(
        server_name=host,
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        show_error=True,
        ssr_mode=False,
        # Another process would have neither the patches nor the middleware.
        num_workers=0,
        max_file_size=papers_file.MOST_BYTES,
        app_kwargs={
            "middleware": [Middleware(RequestLog), Middleware(RetryAfter), Middleware(BodyLimit, most=MOST_BYTES)]
        },
        enable_monitoring=False,
        state_session_capacity=SESSIONS,
        footer_links=["api"],
        theme=theme(),
        css_paths=CSS,
    )
    print(f"{PROJECT} is at http://{host}:{port} (Ctrl-C ends it).", flush=True)
    return blocks
