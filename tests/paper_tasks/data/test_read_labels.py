import json

import pytest

from paper_tasks.data import vocabulary
from paper_tasks.data.paper_ids import paper_id
from paper_tasks.data.prepared_folder import has_unlabelled, read_labels, read_report, read_split
from paper_tasks.data.read_labels import prepare_read
from paper_tasks.errors import InputError
from tests import ROOT


def write_jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def label(title, main=(), ok=(), **others):
    return {"id": paper_id(title), "title": title, "main": [*main], "ok": [*ok], **others}


@pytest.fixture
def labels(tmp_path):
    """A folder of labels of seven papers, without abstracts."""
    folder = tmp_path / "labels"
    folder.mkdir()
    rows = [label(f"Paper {number}", ["Object Detection"], ["Benchmarking"]) for number in range(4)]
    write_jsonl(folder / "train.jsonl", rows)
    write_jsonl(folder / "dev.jsonl", [label("Development")])
    write_jsonl(folder / "test.jsonl", [label("Test", ["Image Captioning"])])
    write_jsonl(folder / "modern_test.jsonl", [label("Modern")])
    (folder / "README.md").write_text("Not a table.", encoding="utf-8")
    return folder


@pytest.fixture
def papers(tmp_path):
    """A table of their titles and abstracts, in other spellings, and of others."""
    titles = [*(f"PAPER  {number}!" for number in range(4)), "development", "Test.", "Modern", "Another"]
    rows = [{"Title": title, "Abstract": f"We detect objects in {title}"} for title in titles]
    return write_jsonl(tmp_path / "papers.jsonl", rows)


def titles(folder, name):
    return read_split(folder, name)["title"].tolist()


def test_papers_without_a_label_are_kept_for_the_fast_tier(tmp_path, labels, papers):
    prepare_read([papers], [labels], tmp_path / "out", unlabelled=5)
    assert titles(tmp_path / "out", "unlabelled") == ["Another"]
    prepare_read([papers], [labels], tmp_path / "out")
    assert not has_unlabelled(tmp_path / "out")


def test_labels_are_joined_with_abstracts_by_title(tmp_path, labels, papers):
    report = prepare_read([papers], [labels], tmp_path / "out")
    train = read_split(tmp_path / "out", "train")
    assert train["abstract"].str.startswith("We detect objects").all()
    assert train["tasks"].tolist() == [["Object Detection"]] * 4 and train["ok"].tolist() == [["Benchmarking"]] * 4
    assert set(train["labels"]) == {"read"} and "source" not in train
    assert titles(tmp_path / "out", "dev") == ["development"] and titles(tmp_path / "out", "modern_test") == ["Modern"]
    assert read_labels(tmp_path / "out") == [*vocabulary.names()]
    assert report == read_report(tmp_path / "out") and report.is_read
    assert (report.papers_read, report.papers_without_a_word_dropped, report.duplicates_dropped) == (7, 0, 0)
    assert report.papers_per_task["Object Detection"] == report.papers_per_task["object-detection"] == 4


def test_names_of_the_tasks_are_cut_from_the_masked_text(tmp_path, labels):
    rows = [{"title": name, "abstract": "Faster object detection"} for name in ("Paper 0", "Development", "Test")]
    prepare_read([write_jsonl(tmp_path / "papers.jsonl", rows)], [labels], tmp_path / "out")
    assert read_split(tmp_path / "out", "train")["masked"].tolist() == ["Paper 0. Faster"]


def test_a_label_without_an_abstract_is_counted_and_left_out(tmp_path, labels, papers):
    rows = papers.read_text(encoding="utf-8").splitlines(keepends=True)
    papers.write_text("".join(rows[1:]), encoding="utf-8")
    report = prepare_read([papers], [labels], tmp_path / "out")
    assert (report.papers_without_a_word_dropped, report.papers_train) == (1, 3)


def test_positives_stand_beside_and_their_held_out_papers_apart(tmp_path, labels, papers):
    rows = [
        {"title": "Another", "tasks": ["SSIM"], "split": "train", "source": "pwc", "complete": False},
        {"title": "Held out", "tasks": ["object-detection"], "abstract": "We", "split": "test", "complete": True},
        # Training must not see what any table holds out.
        {"title": "Test", "tasks": ["Image Captioning"], "split": "train"},
    ]
    report = prepare_read([papers], [labels], tmp_path / "out", [write_jsonl(tmp_path / "pwc.jsonl", rows)])
    train, test = (read_split(tmp_path / "out", name) for name in ("train", "positives_test"))
    assert train["labels"].tolist() == ["read"] * 4 + ["positives"]
    assert train["source"].tolist() == [""] * 4 + ["pwc"] and train["complete"].tolist()[-1] == "false"
    assert test["tasks"].tolist() == [["Object Detection"]] and test["complete"].tolist() == ["true"]
    assert titles(tmp_path / "out", "test") == ["Test."]
    assert report.duplicates_dropped == 1
    held_out = json.loads((tmp_path / "out" / "held_out.json").read_text(encoding="utf-8"))
    assert held_out.keys() == {"dev", "test", "modern_test", "positives_test"}


def test_a_table_of_ones_own_brings_everything(tmp_path):
    """With spellings, a task twice, numbers of its own, and a task outside the vocabulary."""
    rows = [f"{n},Cloth {n},We weave {n},Weaving; NER,named-entity-recognition; Knitting" for n in range(60)]
    table = tmp_path / "latest.csv"
    table.write_text("id,title,abstract,main,ok\n" + "\n".join(rows) + "\n", encoding="utf-8")
    report = prepare_read([], [table], tmp_path / "out")
    assert report.papers_read == report.papers_train + report.papers_dev + report.papers_test == 60
    assert report.papers_train > 40
    assert read_labels(tmp_path / "out") == ["Knitting", "Named Entity Recognition (NER)", "Weaving"]


def test_a_task_that_is_main_is_not_ok_too(tmp_path, labels, papers):
    write_jsonl(labels / "dev.jsonl", [label("Development", ["object-detection"], ["Object Detection", "Retrieval"])])
    prepare_read([papers], [labels], tmp_path / "out")
    dev = read_split(tmp_path / "out", "dev")
    assert dev["tasks"].tolist() == [["Object Detection"]] and dev["ok"].tolist() == [["Retrieval"]]


def test_a_paper_that_comes_twice_counts_once(tmp_path, labels, papers):
    write_jsonl(labels / "dev.jsonl", [label("Development"), label("DEVELOPMENT"), label("Paper 1")])
    report = prepare_read([papers], [labels], tmp_path / "out")
    assert (report.papers_dev, report.papers_train, report.duplicates_dropped) == (2, 3, 2)


def test_tables_of_an_earlier_preparation_are_removed(tmp_path, labels, papers):
    prepare_read([papers], [labels], tmp_path / "out")
    (labels / "modern_test.jsonl").unlink()
    (tmp_path / "out" / "my_test.csv").write_text("mine", encoding="utf-8")
    prepare_read([papers], [labels], tmp_path / "out")
    assert not (tmp_path / "out" / "modern_test.csv").exists() and (tmp_path / "out" / "my_test.csv").exists()


@pytest.mark.parametrize(
    ("name", "rows", "words"),
    [
        ("dev.jsonl", [{"title": "Development", "tasks": []}], "has no column 'main'; it has: title, tasks"),
        ("dev.jsonl", [{"main": []}], "has no column 'title'"),
        ("dev.jsonl", [{"title": "", "main": []}], "row 1 has neither a title nor an id"),
        ("dev.jsonl", [{"title": "Development", "main": "[1]"}], "row 1, column 'main'"),
        ("dev.jsonl", [{"title": "Development", "main": [], "split": "validation"}], "'validation' is no split"),
        ("notes.jsonl", [label("Development")], "'notes' is no split"),
        ("dev.jsonl", [label("Unknown")], "no paper with an abstract is for dev; label more"),
    ],
)
def test_bad_labels_get_one_sentence(tmp_path, labels, papers, name, rows, words):
    write_jsonl(labels / name, rows)
    with pytest.raises(InputError, match=r"^[^\n]*$") as raised:
        prepare_read([papers], [labels], tmp_path / "out")
    assert words in str(raised.value) and not (tmp_path / "out").exists()


def test_labels_without_any_abstract_are_refused(tmp_path, labels):
    with pytest.raises(InputError, match=r"None of the 7 papers .* has an abstract"):
        prepare_read([ROOT / "csv_files" / "sample_papers.csv"], [labels], tmp_path / "out")
    with pytest.raises(InputError, match="holds no table of labels"):
        prepare_read([], [tmp_path], tmp_path / "out")
