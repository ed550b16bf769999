"""The page people open, and its API: `python -m deployment.app`, or `python app.py` inside a Space."""

import argparse
import os
import shutil
import signal
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, NoReturn

# Before gradio is imported: it would report its start to its makers, and end with a traceback at what is no port.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
if not (PORT := os.environ.pop("GRADIO_SERVER_PORT", "")):
    PORT = "7860"
import gradio as gr
import numpy as np
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware

from deployment.common.arxiv import Arxiv
from deployment.common.command_line import fail, port
from deployment.common.examples import EXAMPLES
from deployment.common.limits import ABSTRACT_CHARACTERS, PLACES, TITLE_CHARACTERS
from deployment.common.wording import NAME
from deployment.gradio_app import about, html, papers_file
from deployment.gradio_app.endpoints import Endpoints, refuse
from deployment.gradio_app.log import RequestLog, keep_texts_out
from deployment.gradio_app.middleware import BodyLimit, RetryAfter, fetch_nothing
from deployment.gradio_app.uploads import KEEP_HOURS, own_folder
from paper_tasks.errors import ModelError
from paper_tasks.io.rows import paper_texts
from paper_tasks.paths import MODEL_DIR
from paper_tasks.tagger import language
from paper_tasks.tagger.classifier import TaskClassifier

# Gradio keeps some 100 kB for each person, and for each question to its API, until so many have come after: by
# default 10,000.
SESSIONS = 500
# Of a request: an upload and what surrounds it.
MOST_BYTES = papers_file.MOST_BYTES + 100_000
PROGRESS = gr.Progress()


class Seen(NamedTuple):
    """What the page shows the tasks of: a paper, and float32 (labels,) probabilities."""

    title: str
    abstract: str
    scores: np.ndarray


def build(classifier: TaskClassifier, arxiv: Arxiv | None = None, model: Path = MODEL_DIR) -> gr.Blocks:
    """The page and its endpoints, not yet serving; `model` is the folder that the classifier was loaded from."""
    endpoints = Endpoints(classifier, arxiv)
    with gr.Blocks(title=NAME) as blocks:
        gr.Markdown(
            f"# {NAME}\nWhich machine-learning tasks does a paper work on? "
            "Paste its title and abstract, or give its arXiv id."
        )
        with gr.Tab("One paper"):
            _one_paper(endpoints)
        with gr.Tab("Many papers"):
            _many_papers(endpoints)
        with gr.Tab("About"):
            _about(classifier, model)
        gr.api(endpoints.tag, api_name="tag")
        gr.api(endpoints.tag_batch, api_name="tag_batch")
        gr.api(endpoints.explain, api_name="explain")
    # Not open: past the queue there is no limit, and the threads that work there are those that serve the page.
    return blocks.queue(max_size=PLACES, default_concurrency_limit=2, api_open=False)


def _one_paper(endpoints: Endpoints) -> None:
    """A form, the tasks of what was put into it, and the reasons for one of them."""
    classifier = endpoints.classifier

    def rows(scores: np.ndarray, **options: Any) -> list[html.Row]:
        return [html.Row(*tag, classifier.area(tag.task)) for tag in classifier.rank(scores, **options)[0]]

    def show(seen: Seen | None, threshold: float, artefacts: bool) -> str:
        if seen is None:
            return html.PROMPT
        tags = rows(seen.scores, threshold=threshold, hide_artefacts=not artefacts)
        ranked = rows(seen.scores, threshold=0, top_k=len(tags) + html.NEAREST, hide_artefacts=not artefacts)
        return html.tags_html(tags, threshold, ranked[len(tags) :], language.note(seen.title, seen.abstract))

    def read(title: str, abstract: str, threshold: float, artefacts: bool) -> tuple[Seen, str, str]:
        seen = Seen(title, abstract, endpoints.probabilities(title, abstract))
        return seen, show(seen, threshold, artefacts), ""

    def read_example(title: str, abstract: str) -> tuple[Seen, str, str]:
        return read(title, abstract, classifier.default_threshold, False)

    def why(seen: Seen | None, event: gr.EventData) -> tuple[Seen | None, str]:
        if seen is None:
            return seen, ""
        # Whoever is no page of ours may send an event without one.
        explanation = endpoints.explanation(seen.title, seen.abstract, getattr(event, "task", None))
        return seen, html.reasons_html(explanation)

    def tell(told: tuple[Seen | None, str], seen: Seen | None) -> str:
        # Another paper may have come while the reasons were looked for.
        return told[1] if told[0] is seen else ""

    seen, told = gr.State(None), gr.State((None, ""))
    with gr.Row():
        with gr.Column(scale=3):
            with gr.Row(equal_height=True):
                number = gr.Textbox(
                    label="arXiv id or link (optional)",
                    placeholder="2401.01234",
                    max_length=200,
                    scale=2,
                    min_width=180,
                )
                fetch = gr.Button("Fetch from arXiv", scale=1, min_width=140)
            title = gr.Textbox(label="Title", lines=1, max_length=TITLE_CHARACTERS)
            abstract = gr.Textbox(label="Abstract", lines=9, max_lines=16, max_length=ABSTRACT_CHARACTERS)
            with gr.Row():
                clear = gr.Button("Clear", scale=1)
                submit = gr.Button("Find its tasks", variant="primary", scale=2)
        with gr.Column(scale=2):
            default = round(classifier.default_threshold, 2)
            threshold = gr.Slider(0.05, 0.95, value=default, step=0.01, label="Show from probability")
            artefacts = gr.Checkbox(False, label="Also names that are no tasks, such as Navigate or SSIM")
            tags = gr.HTML(html.PROMPT, elem_id="tags", js_on_load=html.CHOOSE_JS)
            reasons = gr.HTML("", elem_id="reasons", js_on_load=html.SHOW_JS)
    paper, view, shown = [title, abstract], [threshold, artefacts], [seen, tags, reasons]
    examples = gr.Examples(
        list(map(list, EXAMPLES.values())),
        paper,
        cache_examples=False,
        example_labels=list(EXAMPLES),
        label="Invented papers to try",
        api_visibility="private",
    )

    private = {"api_visibility": "private"}
    reads = [examples.load_input_event.then(read_example, paper, shown, show_progress_on=tags, **private)]
    for trigger in (submit.click, title.submit):
        reads.append(trigger(read, [*paper, *view], shown, show_progress_on=tags, **private))
    for trigger in (fetch.click, number.submit):
        fetched = trigger(
            endpoints.fetch,
            number,
            paper,
            # So many may wait for their turn at arXiv; others are not kept waiting by them.
            concurrency_limit=5,
            concurrency_id="arxiv",
            # Not on the paper, which is to be pasted where arXiv does not give it.
            show_progress_on=number,
            **private,
        )
        # Takes away Gradio's "Error", which would lie over the id that is to be mended.
        fetched.failure(gr.skip, None, number, queue=False, show_progress="hidden", **private)
        reads.append(fetched.success(read, [*paper, *view], shown, show_progress_on=tags, **private))
    for done in reads:
        done.success(None, js=html.SHOW_TAGS_JS, **private)
    for trigger in (threshold.input, artefacts.input):
        trigger(show, [seen, *view], tags, show_progress="hidden", trigger_mode="always_last", **private)
    asked = tags.click(why, seen, told, trigger_mode="always_last", show_progress_on=reasons, **private)
    asked.success(tell, [told, seen], reasons, queue=False, show_progress="hidden", **private)
    clear.click(lambda: ("", "", "", None, html.PROMPT, ""), None, [number, *paper, *shown], queue=False, **private)


def _many_papers(endpoints: Endpoints) -> None:
    """An upload, its tasks as a chart and a table, and the same to download."""

    def run(path: str | None, progress: gr.Progress = PROGRESS) -> tuple[str, gr.Dataframe, *tuple[gr.Button, ...]]:
        if path is None:
            refuse("Upload a file first.", "File")
        source = Path(path)
        progress(0, desc="Reading the file")
        tagged, broken = endpoints.tag_file(
            source, lambda done, of: progress((done, of), desc="Tagging", unit="papers")
        )
        rows = [
            [row.line, next(filter(None, paper_texts(row.values)))[:200], ", ".join(task for task, _ in tags)]
            for row, tags in tagged
        ]
        # Gradio serves files from nowhere else.
        folder = Path(get_upload_folder()) / token_hex(16)
        folder.mkdir(parents=True)
        buttons = []
        for suffix in papers_file.SUFFIXES:
            output = folder / f"{source.stem}.tagged{suffix}"
            papers_file.write(output, tagged)
            buttons.append(gr.DownloadButton(value=str(output), interactive=bool(tagged)))
        report = html.batch_html(len(tagged), papers_file.count_tasks(tagged), broken)
        return report, gr.Dataframe(rows, visible=bool(rows)), *buttons

    def nothing() -> tuple[str, gr.Dataframe, *tuple[gr.Button, ...]]:
        # What came of another file would pass for what came of the one that is shown.
        buttons = (gr.DownloadButton(value=None, interactive=False) for _ in downloads)
        return "", gr.Dataframe([], visible=False), *buttons

    gr.Markdown(
        f"A CSV or JSON Lines file (`.csv`, `.jsonl`, UTF-8) with the columns `title` and `abstract`, one of them "
        f"perhaps missing: at most **{papers_file.MOST_BYTES / 1e6:.0f} MB** and **{papers_file.MOST_ROWS:,} rows**. "
        f"Other columns are kept. What you upload is deleted within {KEEP_HOURS} hours."
    )
    upload = gr.File(label="File of papers", file_types=list(papers_file.SUFFIXES), height=140, elem_id="upload")
    start = gr.Button("Tag them all", variant="primary")
    report = gr.HTML("", elem_id="report")
    table = gr.Dataframe(
        headers=["line", "paper", "tasks"],
        datatype=["number", "str", "str"],
        column_widths=["16%", "42%", "42%"],
        wrap=True,
        interactive=False,
        visible=False,
        max_height=420,
        label="Papers and their tasks",
    )
    with gr.Row():
        downloads = [
            gr.DownloadButton(f"Download {name}", interactive=False, size="md") for name in ("CSV", "JSON Lines")
        ]
    results, private = [report, table, *downloads], {"api_visibility": "private"}
    # One file at a time, so that who asks for one paper never waits for many.
    tagged = start.click(
        run, upload, results, concurrency_limit=1, concurrency_id="batch", show_progress_on=report, **private
    )
    tagged.failure(nothing, None, results, queue=False, show_progress="hidden", **private)


def _about(classifier: TaskClassifier, model: Path) -> None:
    """What the model is; plots, where it is the one that ships; its card, where it has one."""
    gr.Markdown(about.about_markdown(classifier.config, KEEP_HOURS), elem_id="about")
    if model == MODEL_DIR:
        gr.HTML(about.plots_html())
    if card := about.card_markdown(model):
        with gr.Accordion("The model's card", open=False):
            gr.Markdown(card, elem_id="card")


def serve(
    classifier: TaskClassifier,
    host: str,
    port: int,
    wait: bool = True,
    arxiv: Arxiv | None = None,
    model: Path = MODEL_DIR,
) -> gr.Blocks:
    """Serves the page at http://host:port. Raises OSError if the port is taken."""
    fetch_nothing()
    keep_texts_out()
    blocks = build(classifier, arxiv, model)
    blocks.launch(
        server_name=host,
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        show_error=True,
        ssr_mode=False,
        max_file_size=papers_file.MOST_BYTES,
        app_kwargs={
            "middleware": [Middleware(RequestLog), Middleware(RetryAfter), Middleware(BodyLimit, most=MOST_BYTES)]
        },
        enable_monitoring=False,
        state_session_capacity=SESSIONS,
        footer_links=["api"],
        theme=_theme(),
        css=html.CSS,
    )
    print(f"{NAME} is at http://{host}:{port} (Ctrl-C ends it).", flush=True)
    if wait:
        blocks.block_thread()
    return blocks


def _theme() -> gr.Theme:
    """Fonts that every system has, so that none is fetched; colors dark enough to read (WCAG's 4.5 to 1)."""
    theme = gr.themes.Soft(
        primary_hue="teal", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
    )
    return theme.set(
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_800",
        block_title_background_fill="none",
        block_title_background_fill_dark="none",
        block_title_text_color="*body_text_color",
        block_title_text_color_dark="*body_text_color",
        block_title_padding="0",
        block_label_text_color="*primary_700",
        block_label_background_fill_dark="*primary_800",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
        body_text_color_subdued="*neutral_600",
        color_accent="*primary_700",
        slider_color="*primary_700",
        input_border_width="1px",
        input_border_color="*neutral_300",
        checkbox_border_color="*neutral_500",
    )


def main(arguments: list[str] | None = None) -> None:
    """The command line. A model that cannot be read, or a port in use, gets one sentence and exit code 2."""
    # A Space is reached from outside its container; at home, nobody else should reach the page.
    host = os.environ.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if "SPACE_ID" in os.environ else "127.0.0.1")
    parser = argparse.ArgumentParser(description="Serves the page that finds a paper's tasks, and its API.")
    parser.add_argument("--model", type=Path, default=MODEL_DIR, help="folder of an exported model (default: bundled)")
    parser.add_argument(
        "--host", default=host, help="address to serve at; or GRADIO_SERVER_NAME (default: %(default)s)"
    )
    parser.add_argument(
        "--port",
        type=port,
        default=PORT,
        help="port to serve at; or GRADIO_SERVER_PORT (default: 7860)",
    )
    options = parser.parse_args(arguments)
    with _uploads() as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder

        def end(*_: Any) -> NoReturn:
            shutil.rmtree(folder, ignore_errors=True)
            # At once: Python aborts where a thread is still inside the model.
            os._exit(0)

        # By Ctrl-C, and as a host ends a program.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        try:
            serve(TaskClassifier.load(options.model), options.host, options.port, model=options.model)
        except ModelError as error:
            fail(str(error))
        except OSError:
            # Gradio's own words run to three lines, and are the same for either.
            place = f"{options.host}:{options.port}"
            fail(f"Cannot serve at {place}: it is taken, or no address of this machine; choose --host and --port.")


def _uploads() -> TemporaryDirectory:
    folder = Path(get_upload_folder())
    try:
        return own_folder(folder)
    except OSError as error:
        fail(f"Uploads cannot be kept in {folder} ({error.strerror}); name another folder by GRADIO_TEMP_DIR.")


if __name__ == "__main__":
    main()
