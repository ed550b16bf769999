"""From a paper's title and abstract to its tasks: label, prepare, train, export, evaluate, tag."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paper_tasks.tagger.classifier import Tag, TaskClassifier

__all__ = ["Tag", "TaskClassifier"]

# Before any module imports onnxruntime: it would look up a telemetry host and write to the user's cache.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def __getattr__(name: str) -> object:
    """Loads the classifier when it is asked for: `import paper_tasks` needs no numpy."""
    if name in __all__:
        from paper_tasks.tagger import classifier

        return getattr(classifier, name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
