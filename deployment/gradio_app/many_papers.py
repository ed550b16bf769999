"""The second tab: a file of papers, its tasks as a chart and a table, and the file with its tasks to download."""

from pathlib import Path
from secrets import token_hex

import gradio as gr

from deployment.gradio_app import html, papers_file
from deployment.gradio_app.endpoints import PRIVATE, Endpoints, refuse
from deployment.gradio_app.uploads import KEEP_HOURS, upload_folder
from paper_tasks.io.rows import paper_texts
from paper_tasks.tagger.classifier import by_level

# The kinds of file to download, in the order of their buttons.
DOWNLOADS = ("CSV", "JSON Lines")
# Characters of a title or abstract in the table.
SHOWN_CHARACTERS = 200
# As a default of a function: Gradio gives that function a bar of progress.
PROGRESS = gr.Progress()

Results = tuple[str, gr.Dataframe, *tuple[gr.DownloadButton, ...]]


class ManyPapers:
    """The functions behind the tab."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    def tag_papers(self, path: str | None, progress: gr.Progress = PROGRESS) -> Results:
        """The report, the table, and a button for each file to download."""
        if path is None:
            refuse("Upload a file first.", "File")
        source = Path(path)
        progress(0, desc="Reading the file")
        tagged, broken = self._endpoints.tag_file(
            source, lambda done, of: progress((done, of), desc="Tagging", unit="papers")
        )
        rows = []
        for row, tags in tagged:
            title_or_abstract = next(filter(None, paper_texts(row.values)))
            tasks = (", ".join(tag.task for tag in level) for level in by_level(tags))
            rows.append([row.line, title_or_abstract[:SHOWN_CHARACTERS], *tasks])
        # Gradio serves files from the folder of uploads alone.
        folder = upload_folder() / token_hex(16)
        folder.mkdir(parents=True)
        buttons = []
        for suffix in papers_file.SUFFIXES:
            output = folder / f"{source.stem}.tagged{suffix}"
            papers_file.write(output, tagged)
            buttons.append(gr.DownloadButton(value=str(output), interactive=bool(tagged)))
        report = html.batch_html(len(tagged), papers_file.count_tasks(tagged), broken)
        return report, gr.Dataframe(rows, visible=bool(rows)), *buttons

    @staticmethod
    def clear() -> Results:
        """Nothing: the results of another file would look like those of the file that is chosen now."""
        buttons = (gr.DownloadButton(value=None, interactive=False) for _ in DOWNLOADS)
        return "", gr.Dataframe([], visible=False), *buttons


def many_papers_tab(endpoints: Endpoints) -> None:
    """Puts the tab's parts into the page, and connects them with its functions."""
    functions = ManyPapers(endpoints)
    gr.Markdown(
        f"A CSV or JSON Lines file (`.csv`, `.jsonl`, UTF-8) with the columns `title` and `abstract`; one of the two "
        f"may be missing. It has at most **{papers_file.MOST_BYTES / 1e6:.0f} MB** and "
        f"**{papers_file.MOST_ROWS:,} rows**. Other columns are kept. "
        f"What you upload is deleted within {KEEP_HOURS} hours."
    )
    upload = gr.File(label="File of papers", file_types=list(papers_file.SUFFIXES), height=140, elem_id="upload")
    start = gr.Button("Tag them all", variant="primary")
    report = gr.HTML("", elem_id="report")
    table = gr.Dataframe(
        headers=["line", "paper", "works on", "also"],
        datatype=["number", "str", "str", "str"],
        column_widths=["14%", "36%", "28%", "22%"],
        wrap=True,
        interactive=False,
        visible=False,
        max_height=420,
        label="Papers and their tasks",
    )
    with gr.Row():
        downloads = [gr.DownloadButton(f"Download {name}", interactive=False, size="md") for name in DOWNLOADS]
    results = [report, table, *downloads]
    # One file at a time, so that a question about one paper never waits for many files.
    tagged = start.click(
        functions.tag_papers,
        upload,
        results,
        concurrency_limit=1,
        concurrency_id="batch",
        show_progress_on=report,
        **PRIVATE,
    )
    tagged.failure(functions.clear, None, results, queue=False, show_progress="hidden", **PRIVATE)
