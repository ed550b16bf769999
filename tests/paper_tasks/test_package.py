"""The package itself: what it gives, and how little it loads."""

import subprocess
import sys

import pytest

import paper_tasks
from paper_tasks.tagger import classifier
from tests import ROOT


def test_the_classifier_is_loaded_when_it_is_asked_for():
    code = (
        "import sys, paper_tasks; assert not {'numpy', 'onnxruntime', 'typer'} & set(sys.modules);"
        "from paper_tasks import TaskClassifier; assert 'numpy' in sys.modules and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_it_gives_the_classifier_and_nothing_that_is_not_there():
    assert paper_tasks.TaskClassifier is classifier.TaskClassifier and paper_tasks.Tag is classifier.Tag
    with pytest.raises(AttributeError, match="'paper_tasks' has no attribute 'Classifier'"):
        paper_tasks.Classifier  # noqa: B018
