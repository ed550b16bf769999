import itertools

import pytest

from paper_tasks.evaluation.read_labels import tables
from tests.paper_tasks.evaluation.read_labels.invented import read_evaluation


def test_the_readme_has_three_sentences_and_a_short_table():
    text, _, table = tables.readme_table(read_evaluation()).partition("\n\n")
    assert len(text.splitlines()) == 3
    for number in ("1,600", "300", "1,228"):
        assert number in text
    assert table.splitlines() == [
        "| system | F1 | P@1 | R@5 | F1, newest papers | Papers with Code, R@5 |",
        "|---|---:|---:|---:|---:|---:|",
        "| string matching | 0.600 | 0.600 | 0.600 | 0.550 | 0.500 |",
        "| linear SVM (best of 2 per column) | 0.710 | 0.710 | 0.710 | 0.660 | 0.610 |",
        "| fast | 0.800 | 0.800 | 0.800 | 0.750 | 0.700 |",
        "| int8 | 0.900 | 0.900 | 0.900 | 0.850 | 0.800 |",
    ]


def test_sets_that_are_missing_have_no_sentence_and_no_column():
    report = read_evaluation()
    report = read_evaluation(
        sets={"read": report.sets["read"]},
        systems={name: {"read": scores["read"]} for name, scores in report.systems.items()},
        lead={"read": report.lead["read"]},
    )
    text = tables.readme_table(report)
    assert "| system | F1 | P@1 | R@5 |\n" in text and "2025" not in text and "Papers with Code" not in text
    full = tables.full_report(report)
    assert "## Read papers" in full and "newest" not in full and "Papers with Code" not in full


def test_the_full_report_has_every_score_with_its_interval():
    text = tables.full_report(read_evaluation())
    assert "| int8 | 0.900 [0.890, 0.910] |" in text and "| 0.850 [0.840, 0.860] |" in text
    for heading in ("## Read papers", "## The newest papers", "## Papers with Code's own labels"):
        assert heading in text.splitlines()
    for column in (tables.COLUMNS | tables.BOTH_LEVELS | tables.COMPARED_POSITIVES).values():
        assert f"| {column} |" in text
    assert "String matching: knows names alone." in text
    assert "| F1 | TF-IDF + linear SVM | +0.200 [+0.150, +0.250] |" in text


def test_it_says_where_another_system_is_ahead():
    text = tables.full_report(read_evaluation())
    assert "- Papers with Code's own labels, R@5: SVM is ahead by 0.020." in text.splitlines()
    lead = {"read": read_evaluation().lead["read"]}
    assert "`int8` is ahead of every other system" in tables.full_report(read_evaluation(lead=lead))
    assert "ahead" not in tables.full_report(read_evaluation(lead={}, models=[]))


def test_rows_of_an_earlier_evaluation_are_said():
    assert "earlier evaluation of the same papers: fast." in tables.full_report(read_evaluation(kept=["fast"]))


@pytest.mark.parametrize("changes", [{}, {"kept": ["fast"], "lead": {}}, {"notes": {}, "models": [], "lead": {}}])
def test_every_block_of_the_full_report_stands_apart(changes):
    lines = tables.full_report(read_evaluation(**changes)).splitlines()
    for before, line in itertools.pairwise(lines):
        assert not (before == line == ""), lines
        if line.startswith("#") or before.startswith("#"):
            assert "" in (before, line)
        assert line.startswith("|") == before.startswith("|") or "" in (before, line)
        assert line.startswith("- ") == before.startswith("- ") or "" in (before, line)
