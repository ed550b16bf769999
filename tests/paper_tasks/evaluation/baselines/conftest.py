import pytest

from paper_tasks.data.prepared_folder import read_labels, read_split
from paper_tasks.evaluation.evaluation_data import EvaluationData
from paper_tasks.evaluation.evaluation_set import EvaluationSet
from paper_tasks.evaluation.score_cache import ScoreCache


@pytest.fixture(scope="session")
def data(prepared):
    tables = (read_split(prepared, name) for name in ("train", "dev", "test"))
    return EvaluationData(*tables, read_labels(prepared), "", 0)


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return ScoreCache(tmp_path_factory.mktemp("scores"), "tiny")


@pytest.fixture(scope="session")
def measure(data):
    """The scores of some predictions on the test split."""
    evaluation_set = EvaluationSet(data.papers, data.labels)
    return evaluation_set.measure
