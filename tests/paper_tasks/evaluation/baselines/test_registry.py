import pytest

from paper_tasks.errors import InputError
from paper_tasks.evaluation.baselines import original, zero_shot
from paper_tasks.evaluation.baselines.registry import BASELINES, LINEAR_SVMS, READ_BASELINES, check_names


def test_names_are_in_the_order_of_the_table():
    names = list(BASELINES)
    assert names[0] == "string matching" and names[-1] == "the original's recipe"
    assert names[1:4] == list(LINEAR_SVMS) and names[4] == "Annif (Omikuji)"


def test_names_are_checked():
    assert check_names(None) == list(BASELINES) and check_names(["zero-shot MiniLM"]) == ["zero-shot MiniLM"]
    with pytest.raises(InputError, match=r"no baseline 'tarot'; name one of string matching, "):
        check_names(["tarot"], READ_BASELINES)
    assert set(BASELINES) - set(READ_BASELINES) == {"TF-IDF + linear SVM, names cut"}


def test_pytorch_is_imported_only_where_scores_are_computed():
    assert not any(hasattr(module, name) for module in (original, zero_shot) for name in ("torch", "in_batches"))
