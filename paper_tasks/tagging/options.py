"""The options of `paper-tasks tag` that say which tags are written and which model makes them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Option

from paper_tasks.paths import MODEL_DIR

# numpy and onnxruntime are loaded when a model is.
if TYPE_CHECKING:
    from paper_tasks.tagger.classifier import TaskClassifier


@dataclass(frozen=True)
class TagOptions:
    """Which tags a paper gets."""

    top_k: Annotated[
        int | None,
        Option(min=1, help="Most tasks per paper. Default: all above the threshold.", show_default=False),
    ] = None
    threshold: Annotated[
        float | None,
        Option(
            min=0,
            max=1,
            help="Lowest probability to show, 0 to 1. Default: the model's own threshold of each task.",
            show_default=False,
        ),
    ] = None
    show_duplicates: Annotated[bool, Option("--show-duplicates", help="Show every spelling of a task by itself.")] = (
        False
    )
    show_artefacts: Annotated[
        bool, Option("--show-artefacts", help="Show labels that are not tasks, such as Navigate.")
    ] = False
    all_scores: Annotated[
        bool, Option("--all-scores", help="For a table: add a column with the probability of every label.")
    ] = False

    def for_ranking(self) -> dict[str, Any]:
        """The arguments of `TaskClassifier.rank` and `TaskClassifier.predict`."""
        return {
            "top_k": self.top_k,
            "threshold": self.threshold,
            "merge_duplicates": not self.show_duplicates,
            "hide_artefacts": not self.show_artefacts,
        }


@dataclass(frozen=True)
class ModelOptions:
    """Which model tags, and with how many threads. With Ray, each worker loads the model this way."""

    threads: Annotated[
        int | None,
        Option(
            min=1,
            help="CPU threads. Default: one per core; with --engine ray, one per worker.",
            show_default=False,
        ),
    ] = None
    tier: Annotated[
        Literal["full", "fast"],
        Option(help="fast leaves the encoder out: much faster, and weaker on tasks that a paper does not name."),
    ] = "full"
    model: Annotated[
        Path, Option(help="Folder of an exported model.", show_default="the model that comes with the program")
    ] = MODEL_DIR

    def load(self, bulk: bool = False) -> "TaskClassifier":
        """The classifier; `bulk` gives each thread a paper of its own. Raises ModelError."""
        from paper_tasks.tagger.classifier import TaskClassifier

        return TaskClassifier.load(self.model, self.threads, bulk=bulk, tier=self.tier)
