import itertools
from dataclasses import replace

from paper_tasks.evaluation.report import Lead, SystemScores
from paper_tasks.evaluation.tables import COLUMNS, README_COLUMNS, all_systems, full_report, readme_table
from tests.paper_tasks.evaluation.invented import evaluation

LEADS = {
    "masked_recall_at_5": Lead("SVM", 0.0634, (0.05, 0.0771)),
    "keyword_recall_at_5_unmentioned": Lead("Annif", -0.02),
}


def test_the_readme_has_three_sentences_and_a_short_table():
    text, _, table = readme_table(evaluation(lead=LEADS)).partition("\n\n")
    assert text.splitlines() == [
        "Each score, from 0 to 1, is of 1,234 held-out papers; micro-F1 and P@1 compare with distant labels, which a "
        "string matcher made.",
        "The others are recall@5 of the tasks in the authors' keywords: all 60, or the 20 that the text does not "
        "mention ([columns](docs/evaluation.md#columns-beside-read-labels)).",
        "With all mentions cut from the text, `int8` finds 80% of the tasks in its first five; the best other finds "
        "74% ([all scores](results/evaluation.md)).",
    ]
    lines = table.splitlines()
    assert lines[0] == "| system | " + " | ".join(README_COLUMNS.values()) + " |"
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        "| string matching",
        "| linear SVM (best of 1 per column)",
        "| int8",
    ]
    assert lines[2] == "| string matching | 0.500 | 0.500 | 0.500 | 0.500 |"


def test_the_readme_has_the_best_linear_svm_of_each_column():
    systems = dict(evaluation().systems)
    for name, changes in (
        ("TF-IDF + linear SVM", {"micro_f1": 0.9}),
        ("TF-IDF + linear SVM, names cut", {"precision_at_1": 0.7}),
    ):
        scores = evaluation().systems["TF-IDF + linear SVM"]
        systems[name] = replace(scores, values=scores.values | changes)
    assert "| linear SVM (best of 2 per column) | 0.900 | 0.700 | 0.620 | 0.620 |" in readme_table(
        evaluation(systems=systems)
    )


def test_the_table_of_all_systems_has_a_row_for_each():
    lines = all_systems(evaluation()).splitlines()
    assert len(lines) == 2 + 4 and all(line.count("|") == len(COLUMNS) + 2 for line in lines)
    assert "| string matching | 0.500 |" in lines[3] and lines[3].endswith("| – |")


def test_the_full_report_says_how_far_the_model_leads_without_names():
    assert "In the column" not in full_report(evaluation())
    lines = full_report(evaluation(lead=LEADS)).splitlines()
    assert (
        "In the column `masked`, `int8` has +0.063 against the best other system, SVM (95% interval +0.050 to +0.077)."
        in lines
    )
    assert "In the column `unmentioned`, `int8` has -0.020 against the best other system, Annif." in lines


def test_all_tables_have_intervals_and_say_where_the_model_is_behind():
    text = full_report(evaluation())
    assert "0.800 [0.790, 0.810]" in text
    assert "| micro-F1 | string matching | -0.125 [-0.150, -0.100] |" in text
    assert "| audio | 3 | 40 | 0.900 | 0.700 | 0.600 | 0.250 |" in text
    assert "| language | 3 | 40 | 0.900 | 0.700 | 0.600 | – |" in text


def test_labels_of_a_table_are_not_called_distant():
    assert "distant labels, which a string matcher made" in full_report(evaluation())
    text = readme_table(evaluation(distant=False)) + full_report(evaluation(distant=False))
    assert "compare with the table's own labels." in text and "## The table's own labels" in text
    assert "distant" not in text.lower() and "by definition" not in text


def test_a_column_that_no_system_has_is_left_out():
    systems = {
        name: SystemScores({key: value for key, value in scores.values.items() if "keyword" not in key}, {})
        for name, scores in evaluation().systems.items()
    }
    found = evaluation(systems=systems, keyword_tasks=0, areas={})
    assert "unmentioned" not in all_systems(found)
    assert "keywords" not in readme_table(found)
    assert all("keywords" not in line for line in full_report(found).splitlines() if line.startswith("|"))


def test_notes_and_kept_rows_are_said():
    text = full_report(evaluation(kept=["fp32"]))
    assert "String matching: made the labels." in text
    assert "These rows come from an earlier evaluation of the same papers: fp32." in text
    assert "earlier" not in full_report(evaluation())


def test_every_block_of_the_full_report_stands_apart():
    lines = full_report(evaluation(lead=LEADS, kept=["fp32"])).splitlines()
    for before, line in itertools.pairwise(lines):
        assert not (before == line == "")
        if line.startswith("#") or before.startswith("#"):
            assert "" in (before, line)
        assert line.startswith("|") == before.startswith("|") or "" in (before, line)
