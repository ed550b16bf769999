import numpy as np
import pytest

from paper_tasks.errors import InputError
from paper_tasks.evaluation.score_cache import ScoreCache


@pytest.fixture
def count():
    """A computation that counts how often it was done."""

    class Count:
        done = 0

        def __call__(self):
            self.done += 1
            return {"published": np.full((2, 3), self.done, dtype=np.float32), "masked": np.zeros((2, 3))}

    return Count()


def test_scores_are_computed_once_and_again_when_something_changed(tmp_path, count):
    for _ in range(2):
        found = ScoreCache(tmp_path, "papers").arrays("svm", "C=1", count)
    assert count.done == 1 and found["published"].tolist() == [[1, 1, 1], [1, 1, 1]] and "masked" in found
    for inputs, system, settings in (("others", "svm", "C=1"), ("papers", "svm", "C=2"), ("papers", "other", "C=1")):
        ScoreCache(tmp_path, inputs).arrays(system, settings, count)
    assert count.done == 4


def test_a_damaged_file_is_computed_again(tmp_path, count):
    ScoreCache(tmp_path, "papers").arrays("svm", "", count)
    (file,) = tmp_path.glob("svm-*/published.npy")
    file.write_bytes(file.read_bytes()[:100])
    assert ScoreCache(tmp_path, "papers").arrays("svm", "", count)["published"][0, 0] == 2
    assert ScoreCache(tmp_path, "papers").arrays("svm", "", count)["published"][0, 0] == 2


def test_a_failure_leaves_no_file(tmp_path):
    def fail():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ScoreCache(tmp_path, "papers").arrays("svm", "", fail)
    with pytest.raises(ValueError, match="allow_pickle"):
        ScoreCache(tmp_path, "papers").arrays("svm", "", lambda: {"good": np.ones(2), "x": np.array([object()])})
    assert not [*tmp_path.iterdir()]


def test_without_a_folder_scores_are_kept_in_memory(count):
    cache = ScoreCache(None, "papers")
    assert cache.arrays("svm", "", count) is cache.arrays("svm", "", count) and count.done == 1


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path, count):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="--cache"):
        ScoreCache(tmp_path / "file" / "scores", "papers").arrays("svm", "", count)
