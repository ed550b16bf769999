"""The page people open, and its API: `python -m deployment.app`, or `python app.py` inside a Space."""

import argparse
import os
import sys
from pathlib import Path

# Before gradio is imported: it would report its start to its makers.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
import gradio as gr
import numpy as np

if __package__:
    from deployment import page
    from deployment.classifier import MODEL_DIR, EmptyPaper, ModelError, Tag, TaskClassifier
    from deployment.examples import EXAMPLES
else:  # inside a Space, where this folder is the whole repository
    import page
    from classifier import MODEL_DIR, EmptyPaper, ModelError, Tag, TaskClassifier
    from examples import EXAMPLES

TITLE = "From Paper With Tasks"
TITLE_CHARACTERS, ABSTRACT_CHARACTERS = 1_000, 20_000
# More people than this waiting for one small machine are better told to come back.
QUEUE = 64


def build(classifier: TaskClassifier) -> gr.Blocks:
    """The page and its endpoint `/tag`, not yet serving."""

    def probabilities(title: str, abstract: str) -> np.ndarray:
        try:
            return classifier.probabilities([(title, abstract)])[0]
        except EmptyPaper:
            message = "There is nothing to read: give a title, an abstract, or both."
            raise gr.Error(message, title="No text", print_exception=False) from None

    def with_area(tags: list[Tag]) -> list[tuple[str, float, str]]:
        return [(tag.task, tag.probability, classifier.area(tag.task)) for tag in tags]

    def show(scores: np.ndarray | None, threshold: float, artefacts: bool) -> str:
        if scores is None:
            return page.PROMPT
        (tags,) = classifier.rank(scores, threshold=threshold, hide_artefacts=not artefacts)
        (nearest,) = classifier.rank(scores, threshold=0, top_k=page.NEAREST, hide_artefacts=not artefacts)
        return page.tags_html(with_area(tags), threshold, with_area(nearest))

    def tag_and_show(title: str, abstract: str, threshold: float, artefacts: bool) -> tuple[np.ndarray, str]:
        scores = probabilities(title, abstract)
        return scores, show(scores, threshold, artefacts)

    def tag(title: str, abstract: str) -> list[dict]:
        """The tasks of one paper, likeliest first: a list of {"task", "probability" (0 to 1), "area"}."""
        (tags,) = classifier.rank(probabilities(title, abstract))
        return [
            {"task": task, "probability": round(probability, 4), "area": area}
            for task, probability, area in with_area(tags)
        ]

    with gr.Blocks(title=TITLE) as blocks:
        gr.Markdown(f"# {TITLE}\nWhich machine-learning tasks does a paper work on? Paste its title and abstract.")
        with gr.Tab("One paper"):
            scores = gr.State(None)
            with gr.Row():
                with gr.Column(scale=3):
                    title = gr.Textbox(label="Title", lines=1, max_length=TITLE_CHARACTERS)
                    abstract = gr.Textbox(label="Abstract", lines=9, max_lines=16, max_length=ABSTRACT_CHARACTERS)
                    with gr.Row():
                        clear = gr.Button("Clear", scale=1)
                        submit = gr.Button("Find its tasks", variant="primary", scale=2)
                with gr.Column(scale=2):
                    threshold = gr.Slider(
                        0.05,
                        0.95,
                        value=round(classifier.default_threshold, 2),
                        step=0.01,
                        label="Show from probability",
                    )
                    artefacts = gr.Checkbox(False, label="Also names that are no tasks, such as Navigate or SSIM")
                    tags = gr.HTML(page.PROMPT, elem_id="tags")
            gr.Examples(
                list(map(list, EXAMPLES.values())),
                [title, abstract],
                [scores, tags],
                lambda title, abstract: tag_and_show(title, abstract, classifier.default_threshold, False),
                run_on_click=True,
                cache_examples=False,
                example_labels=list(EXAMPLES),
                label="Invented papers to try",
                api_visibility="private",
            )
        with gr.Tab("About"):
            gr.Markdown(page.about_markdown(classifier.config))

        paper, view = [title, abstract], [threshold, artefacts]
        for trigger in (submit.click, title.submit):
            trigger(tag_and_show, [*paper, *view], [scores, tags], api_visibility="private", show_progress_on=tags)
        for trigger in (threshold.input, artefacts.input):
            trigger(
                show,
                [scores, *view],
                tags,
                api_visibility="private",
                show_progress="hidden",
                trigger_mode="always_last",
            )
        clear.click(
            lambda: ("", "", None, page.PROMPT), None, [*paper, scores, tags], api_visibility="private", queue=False
        )
        gr.api(tag, api_name="tag")
    return blocks.queue(max_size=QUEUE, default_concurrency_limit=2)


def serve(classifier: TaskClassifier, host: str, port: int, wait: bool = True) -> gr.Blocks:
    """Serves the page at http://host:port. Raises OSError if the port is taken."""
    blocks = build(classifier)
    blocks.launch(
        server_name=host,
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        show_error=True,
        ssr_mode=False,
        max_file_size="1kb",
        enable_monitoring=False,
        footer_links=["api"],
        theme=_theme(),
        css=page.CSS,
    )
    print(f"{TITLE} is at http://{host}:{port} (Ctrl-C ends it).", flush=True)
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
        block_title_background_fill="none",
        block_title_background_fill_dark="none",
        block_title_text_color="*body_text_color",
        block_title_text_color_dark="*body_text_color",
        block_title_padding="0",
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
        type=int,
        default=os.environ.get("GRADIO_SERVER_PORT") or 7860,
        help="port to serve at; or GRADIO_SERVER_PORT (default: 7860)",
    )
    options = parser.parse_args(arguments)
    try:
        serve(TaskClassifier.load(options.model), options.host, options.port)
    except ModelError as error:
        sys.exit(_fail(str(error)))
    except OSError:
        # Gradio's own words for it run to three lines.
        place = f"{options.host}:{options.port}"
        sys.exit(_fail(f"Cannot serve at {place}, for something else is there; choose another place with --port."))


def _fail(sentence: str) -> int:
    print(f"error: {sentence}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
