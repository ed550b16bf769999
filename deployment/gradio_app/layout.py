"""The page: three tabs, and the endpoints of the API beside them."""

from pathlib import Path

import gradio as gr

from deployment.common.arxiv import Arxiv
from deployment.common.limits import QUEUE_SIZE
from deployment.gradio_app.about import about_tab
from deployment.gradio_app.endpoints import Endpoints
from deployment.gradio_app.many_papers import many_papers_tab
from deployment.gradio_app.one_paper import one_paper_tab
from paper_tasks.paths import MODEL_DIR
from paper_tasks.tagger.classifier import TaskClassifier
from paper_tasks.tagger.wording import PROJECT


def build(classifier: TaskClassifier, arxiv: Arxiv | None = None, model: Path = MODEL_DIR) -> gr.Blocks:
    """The page and its endpoints, not yet serving; `model` is the folder that the classifier was loaded from."""
    endpoints = Endpoints(classifier, arxiv)
    with gr.Blocks(title=PROJECT) as blocks:
        gr.Markdown(
            f"# {PROJECT}\nWhich machine-learning tasks does a paper work on? "
            "Paste its title and abstract, or give its arXiv id."
        )
        with gr.Tab("One paper"):
            one_paper_tab(endpoints)
        with gr.Tab("Many papers"):
            many_papers_tab(endpoints)
        with gr.Tab("About"):
            about_tab(classifier, model)
        gr.api(endpoints.tag, api_name="tag")
        gr.api(endpoints.tag_batch, api_name="tag_batch")
        gr.api(endpoints.explain, api_name="explain")
    # With `api_open` requests could pass by the queue, which alone has a limit, into the threads that serve the page.
    return blocks.queue(max_size=QUEUE_SIZE, default_concurrency_limit=2, api_open=False)


def theme() -> gr.themes.Base:
    """Fonts that every system has, so that none is fetched; colors dark enough to read (4.5 to 1, as WCAG asks)."""
    soft = gr.themes.Soft(primary_hue="teal", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    return soft.set(
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
