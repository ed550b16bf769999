import csv
import gzip
import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from paper_tasks.errors import InputError
from paper_tasks.io import encoder, tables
from paper_tasks.io.rows import TAG_COLUMNS
from paper_tasks.tagger.classifier import by_level
from paper_tasks.tagging import tag_file as module
from paper_tasks.tagging.journal import journaled, partial_path, problems_path
from paper_tasks.tagging.options import TagOptions
from paper_tasks.tagging.tag_file import tag_file
from tests.stub import StubClassifier

PAPERS = [
    {"id": "1", "title": "Counting cars from drones", "abstract": "We detect small vehicles in aerial pictures."},
    {"id": "2", "title": "Who said what", "abstract": "Speaker diarization of long meetings, online."},
    {"id": "3", "title": "Ünder the hood", "abstract": "Translating German to English with fewer parameters."},
]


def write(path, rows=PAPERS):
    row_encoder = encoder.RowEncoder(path, list(rows[0]))
    appended = path.with_name("appended")
    appended.write_bytes(row_encoder.head() + row_encoder.encode(rows))
    encoder.place_table(appended, path)
    return path


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("target", ["out.csv", "out.jsonl", "out.parquet"])
@pytest.mark.parametrize("source", ["in.csv", "in.jsonl", "in.parquet"])
def test_every_format_to_every_format(tmp_path, classifier, source, target):
    summary = tag_file(write(tmp_path / source), tmp_path / target, classifier)
    assert (summary.tagged, summary.problems) == (3, 0)
    rows = tables.read_table(tmp_path / target)
    assert list(rows.columns) == ["id", "title", "abstract", *TAG_COLUMNS]
    assert rows[["id", "title", "abstract"]].to_dict("records") == PAPERS
    expected = classifier.predict((paper["title"], paper["abstract"]) for paper in PAPERS)
    assert [json.loads(cell) for cell in rows["predicted_tasks"]] == [[tag.task for tag in tags] for tags in expected]
    for cell, tags in zip(rows["probabilities"], expected, strict=True):
        np.testing.assert_allclose(json.loads(cell), [tag.probability for tag in tags], atol=1e-3)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([source, target])


@pytest.mark.parametrize("target", ["out.csv", "out.jsonl", "out.parquet"])
@pytest.mark.parametrize("fits_threshold", [None, 0.5], ids=["one level", "two levels"])
def test_tasks_that_also_fit_have_columns_of_their_own(tmp_path, target, fits_threshold):
    stub = StubClassifier(fits_threshold=fits_threshold)
    papers = [{"title": f"Paper {number}"} for number in range(20)]
    tag_file(write(tmp_path / "in.csv", papers), tmp_path / target, stub)
    rows = tables.read_table(tmp_path / target)
    expected = [by_level(tags) for tags in stub.predict((paper["title"], "") for paper in papers)]
    for level, (tasks, probabilities) in enumerate([TAG_COLUMNS[:2], TAG_COLUMNS[2:]]):
        of_level = [levels[level] for levels in expected]
        assert [json.loads(cell) for cell in rows[tasks]] == [[tag.task for tag in tags] for tags in of_level]
        values = [value for cell in rows[probabilities] for value in json.loads(cell)]
        np.testing.assert_allclose(values, [tag.probability for tags in of_level for tag in tags], atol=1e-3)
    assert any(main for main, _ in expected) and any(also for _, also in expected) == (fits_threshold is not None)


def test_all_scores_adds_every_label(tmp_path, classifier):
    tag_file(write(tmp_path / "in.csv"), tmp_path / "out.parquet", classifier, TagOptions(all_scores=True))
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names[-260:] == list(classifier.labels)
    scores = np.array([table[label].to_pylist() for label in classifier.labels]).T
    expected = classifier.probabilities((paper["title"], paper["abstract"]) for paper in PAPERS)
    np.testing.assert_allclose(scores, expected, atol=1e-3)


def test_threshold_and_top_k(tmp_path):
    options = TagOptions(top_k=2, threshold=0.0)
    tag_file(write(tmp_path / "in.jsonl"), tmp_path / "out.jsonl", StubClassifier(), options)
    for row in tables.read_rows(tmp_path / "out.jsonl"):
        assert len(row.values["predicted_tasks"]) == 2
        assert row.values["probabilities"][0] >= row.values["probabilities"][1]


@pytest.mark.parametrize("ending", [".csv.gz", ".csv.zst", ".jsonl.gz"])
def test_compressed_in_and_out(tmp_path, ending):
    tag_file(write(tmp_path / f"in{ending}"), tmp_path / f"out{ending}", StubClassifier())
    assert [row.values["title"] for row in tables.read_rows(tmp_path / f"out{ending}")] == [p["title"] for p in PAPERS]


def test_a_field_that_appears_in_a_later_row_gets_a_column(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 2)
    rows = [{"Title": "A"}, {"Title": "B"}, {"title": "C", "year": 2024}]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for name in ("out.csv", "out.parquet"):
        tag_file(tmp_path / "in.jsonl", tmp_path / name, StubClassifier())
        read = tables.read_table(tmp_path / name)
        assert list(read["Title"]) == ["A", "B", ""] and list(read["title"]) == ["", "", "C"]
        assert list(read["year"]) == ["", "", "2024"]


def test_the_filled_one_of_two_columns_with_the_same_field_is_used(tmp_path):
    """JSON Lines with mixed spellings become such a table in CSV."""
    source = tmp_path / "in.csv"
    source.write_text('Title,title," ABSTRACT "\nA,,\n,B,\n,,C\n,,\n', encoding="utf-8")
    summary = tag_file(source, tmp_path / "out.jsonl", StubClassifier())
    assert (summary.tagged, summary.problems) == (3, 1)
    expected = StubClassifier().predict([("A", ""), ("B", ""), ("", "C")])
    rows = tables.read_rows(tmp_path / "out.jsonl")
    assert [row.values["predicted_tasks"] for row in rows] == [[tag.task for tag in tags] for tags in expected]
    source = tmp_path / "in.jsonl"
    source.write_text('{"Title": "", "title": 7}\n{" Title ": "D"}\n', encoding="utf-8")
    assert tag_file(source, tmp_path / "next.csv", StubClassifier()).tagged == 1
    assert problems_path(tmp_path / "next.csv").read_text(encoding="utf-8").splitlines()[1:] == ["1,title,is not text"]


def test_json_that_cannot_be_written_again_is_listed_and_the_rest_tagged(tmp_path):
    # The deepest are far beyond what Python can read.
    lines = [f'{{"title": "A", "\\ud800": {"[" * depth}{"]" * depth}}}\n' for depth in range(1, 2101, 10)]
    (tmp_path / "in.jsonl").write_text("".join(['{"title": "A", "year": NaN}\n', *lines]), encoding="utf-8")
    for name in ("1.jsonl", "2.csv", "3.parquet"):
        summary = tag_file(tmp_path / "in.jsonl", tmp_path / name, StubClassifier())
        assert summary.tagged == len(list(tables.read_rows(tmp_path / name))) > 0
        with open(summary.reasons, encoding="utf-8", newline="") as file:
            reasons = {int(line): reason for line, _, reason in list(csv.reader(file))[1:]}
        assert [*reasons] == [1, *range(summary.tagged + 2, 212)]
        assert reasons.pop(1) == "is not JSON (NaN is not a number of JSON)"
        assert all(reason.startswith("has more than 100 lists") for reason in reasons.values())


def test_broken_rows_are_listed_and_the_others_tagged(tmp_path):
    source = tmp_path / "in.csv"
    source.write_bytes(b"Title,ABSTRACT\nA,graph learning\nshort\n , \nB,\xff\nC,robots\n")
    summary = tag_file(source, tmp_path / "out.csv", StubClassifier())
    assert (summary.tagged, summary.problems) == (2, 3)
    assert list(tables.read_table(tmp_path / "out.csv")["Title"]) == ["A", "C"]
    with (tmp_path / "out.problems.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["line", "column", "reason"],
            ["3", "", "has 1 cells where the header has 2"],
            ["4", "", "has no words in title and abstract"],
            ["5", "ABSTRACT", "is not UTF-8"],
        ]


def test_a_number_is_no_abstract(tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_text('{"title": "A", "Abstract": 1984}\n{"title": "B"}\n{"name": "C"}\n', encoding="utf-8")
    assert tag_file(source, tmp_path / "out.jsonl", StubClassifier()).problems == 2
    problems = (tmp_path / "out.problems.csv").read_text(encoding="utf-8").splitlines()
    assert problems[1:] == ["1,Abstract,is not text", "3,,has no words in title and abstract"]


@pytest.mark.parametrize(
    "content, words",
    [
        ("name,year\nA,1\n", "no column 'title' or 'abstract'; its columns are: name, year"),
        ("title,abstract\n,\n", r"no paper that could be tagged; .*out\.problems\.csv gives the reason"),
        ("title,abstract\n", "no rows"),
    ],
)
def test_nothing_to_tag_gets_one_sentence(tmp_path, content, words):
    source = tmp_path / "in.csv"
    source.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        tag_file(source, tmp_path / "out.csv", StubClassifier())
    assert contents(tmp_path).keys() - {"out.problems.csv", "out.journal"} == {"in.csv"}


@pytest.mark.parametrize("name", ["in.csv", "in.jsonl"])
def test_utf_16_is_refused_and_leaves_no_file(tmp_path, name):
    source = write(tmp_path / name)
    source.write_text(source.read_text(encoding="utf-8"), encoding="utf-16")
    with pytest.raises(InputError, match=r"is UTF-16; save it as UTF-8\.$"):
        tag_file(source, tmp_path / "out.jsonl", StubClassifier())
    assert contents(tmp_path).keys() == {name}


def test_a_list_of_problems_is_only_replaced_with_overwrite(tmp_path):
    """Any such list is kept; only a run that tagged nothing may replace its own."""
    source, problems = tmp_path / "in.csv", tmp_path / "out.problems.csv"
    source.write_text("title\n,\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(InputError, match="no paper that could be tagged"):
            tag_file(source, tmp_path / "out.csv", StubClassifier())
        assert problems.exists()
    source.write_text("title\nA\n,\n", encoding="utf-8")
    tag_file(source, tmp_path / "out.csv", StubClassifier())
    before = contents(tmp_path)
    assert before.keys() == {"in.csv", "out.csv", "out.problems.csv"}
    for resume in (False, True):
        with pytest.raises(InputError, match=r"out\.problems\.csv exists already; move it away, or .* --overwrite"):
            tag_file(source, tmp_path / "out.jsonl", StubClassifier(), resume=resume)
        assert contents(tmp_path) == before
    tag_file(write(source), tmp_path / "out.jsonl", StubClassifier(), overwrite=True)
    assert not problems.exists()


def test_an_output_that_is_a_link_stays_one(tmp_path, monkeypatch):
    source, target, link = write(tmp_path / "in.csv"), tmp_path / "disk" / "big.csv", tmp_path / "out.csv"
    target.parent.mkdir()
    link.symlink_to("disk/big.csv")
    with monkeypatch.context() as patched, pytest.raises(InputError, match=r"big\.csv cannot be written"):
        patched.setattr(encoder, "place_table", lambda *_: os.stat(tmp_path / "absent"))
        tag_file(source, link, StubClassifier())
    assert contents(target.parent).keys() == {"big.partial", "big.journal"}
    tag_file(source, link, StubClassifier(), resume=True)
    assert link.is_symlink() and contents(target.parent).keys() == {"big.csv"}
    with pytest.raises(InputError, match=r"big\.csv exists already"):
        tag_file(source, link, StubClassifier())
    other = tmp_path / "out.jsonl"
    other.symlink_to(target)
    with pytest.raises(InputError, match=r"out\.jsonl leads to .*big\.csv, whose name has another ending"):
        tag_file(source, other, StubClassifier(), overwrite=True)


def test_existing_files_are_only_replaced_with_overwrite(tmp_path):
    source = write(tmp_path / "in.csv")
    for output in (source, write(tmp_path / "out.csv")):
        before = contents(tmp_path)
        with pytest.raises(InputError):
            tag_file(source, output, StubClassifier())
        with pytest.raises(InputError):
            tag_file(source, output, StubClassifier(), resume=True)
        assert contents(tmp_path) == before
    with pytest.raises(InputError, match="is the input itself"):
        tag_file(source, source, StubClassifier(), overwrite=True)
    tag_file(source, output, StubClassifier(), overwrite=True)
    with pytest.raises(InputError, match="folder"):
        tag_file(source, tmp_path / "absent" / "out.csv", StubClassifier())
    with pytest.raises(InputError, match="is the input itself"):
        tag_file(write(tmp_path / "next.problems.csv"), tmp_path / "next.csv", StubClassifier())


def test_two_runs_at_once_are_refused(tmp_path):
    source, output = write(tmp_path / "in.csv"), tmp_path / "out.csv"
    with journaled(output, {}, resume=False, overwrite=False) as journal:
        journal.append(1, 1, b"a\r\n", b"")
        for options in ({}, {"resume": True}, {"overwrite": True}):
            with pytest.raises(InputError, match=r"Another run has .*out\.journal; wait"):
                tag_file(source, output, StubClassifier(), **options)
    assert partial_path(output).read_bytes() == b"a\r\n"


def test_the_tagged_rows_of_a_truncated_file_are_kept(tmp_path):
    source, output = tmp_path / "in.csv.gz", tmp_path / "out.csv"
    rows = "".join(f"Title {number},{os.urandom(40).hex()}\n" for number in range(3000))
    source.write_bytes(gzip.compress(("title,abstract\n" + rows).encode())[:-20_000])
    with pytest.raises(
        InputError, match=r"breaks off after line .* papers tagged so far are kept in .*out\.partial\.$"
    ):
        tag_file(source, output, StubClassifier())
    assert not output.exists()
    assert len(partial_path(output).read_text(encoding="utf-8").splitlines()) > 1000
    with pytest.raises(InputError, match=r"out\.partial holds 2,\d+ papers of an interrupted run: --resume"):
        tag_file(source, output, StubClassifier())
    tag_file(write(tmp_path / "in.csv"), output, StubClassifier(), overwrite=True)
    assert contents(tmp_path).keys() == {"in.csv.gz", "in.csv", "out.csv"}


def test_dictionaries_of_parquet_are_read(tmp_path):
    titles = pa.array(["Counting cars", "Who said what"] * 300).dictionary_encode()
    pq.write_table(pa.table({"title": titles}), tmp_path / "in.parquet")
    tag_file(tmp_path / "in.parquet", tmp_path / "out.parquet", StubClassifier())
    found = pq.read_table(tmp_path / "out.parquet")
    assert found["title"].to_pylist() == titles.to_pylist() and found["title"].type == pa.string()


DICTIONARY = pa.dictionary(pa.int32(), pa.string())


@pytest.mark.parametrize(
    "kind, cells",
    [
        (pa.list_(DICTIONARY), [["a", "b"], ["c"]]),
        (pa.large_list(DICTIONARY), [["a", "b"], ["c"]]),
        (pa.list_(DICTIONARY, 1), [["a"], ["b"]]),
        (pa.struct([("x", pa.list_(DICTIONARY))]), [{"x": ["a"]}, {"x": ["b"]}]),
        (pa.map_(pa.string(), DICTIONARY), [[("k", "a")], [("k", "b")]]),
    ],
    ids=lambda value: value.__class__.__name__,
)
def test_dictionaries_within_other_types_of_parquet_are_read(tmp_path, monkeypatch, kind, cells):
    monkeypatch.setattr(module, "CHUNK", 1)
    table = pa.table({"title": ["Counting cars", "Who said what"], "more": pa.array(cells, kind)})
    pq.write_table(table, tmp_path / "in.parquet")
    tag_file(tmp_path / "in.parquet", tmp_path / "out.parquet", StubClassifier())
    assert pq.read_table(tmp_path / "out.parquet")["more"].to_pylist() == cells


def test_a_table_that_parquet_cannot_hold_is_reported_and_its_rows_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_types", lambda *_: {"id": pa.month_day_nano_interval()})
    source = write(tmp_path / "in.jsonl", [{"title": paper["title"], "id": None} for paper in PAPERS])
    with pytest.raises(InputError, match=r"^.*out\.parquet cannot be written: [^\n]*\. The 3 papers .*\.partial\.$"):
        tag_file(source, tmp_path / "out.parquet", StubClassifier())
    assert contents(tmp_path).keys() == {"in.jsonl", "out.partial", "out.journal"}
