import pytest

from paper_tasks.data.prepared_folder import read_split
from paper_tasks.data.read_labels import prepare_read
from paper_tasks.errors import InputError
from tests.paper_tasks.data.test_read_labels import label, write_jsonl
from tools.learning_curve import plot, subset


@pytest.fixture
def prepared(tmp_path):
    rows = [label(f"Paper {number}", ["Object Detection"], abstract="We detect objects.") for number in range(9)]
    others = [label("Development", abstract="Words.", split="dev"), label("Test", abstract="Words.", split="test")]
    rows = [row | {"split": "train"} for row in rows] + others
    positives = [{"title": "Known", "abstract": "Words.", "tasks": ["Translation"], "split": "train"}]
    tables = write_jsonl(tmp_path / "labels.jsonl", rows), write_jsonl(tmp_path / "positives.jsonl", positives)
    prepare_read([], [tables[0]], tmp_path / "prepared", [tables[1]])
    return tmp_path / "prepared"


def test_a_subset_has_so_many_read_papers_and_a_larger_one_has_the_same(tmp_path, prepared):
    for papers in (3, 6):
        subset(prepared, papers, tmp_path / str(papers))
    few, more = (read_split(tmp_path / name, "train") for name in ("3", "6"))
    assert len(few) == 3 and len(more) == 6 and set(few["id"]) < set(more["id"]) and "Known" not in [*more["title"]]
    assert read_split(tmp_path / "3", "dev").equals(read_split(prepared, "dev"))
    with pytest.raises(InputError, match="9 read papers to train on, not 10"):
        subset(prepared, 10, tmp_path / "10")


def test_the_plot_has_a_point_for_each_size(tmp_path):
    scores = {"read": {"f1": 0.7, "recall_at_5": 0.9}}
    (axes,) = plot({"600": scores, "2000": scores}).axes
    assert [line.get_xdata().tolist() for line in axes.get_lines()] == [[600, 2000]] * 2
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["600", "2,000"]
