import pytest

from paper_tasks.errors import InputError
from paper_tasks.evaluation.scoreboard import COLUMNS, MARKS, full_tables, readme_table, update_document
from tests.paper_tasks.evaluation.invented import evaluation


def test_the_readme_has_a_row_for_each_system_and_no_more_columns():
    lines = readme_table(evaluation()).splitlines()
    assert "1,234 held-out papers (test split)" in lines[0]
    assert len(lines) == 4 + 4 and all(line.count("|") == len(COLUMNS) + 2 for line in lines[2:])
    assert "| string matching | 0.500 |" in lines[5] and lines[5].endswith("| – |")


def test_the_readme_tells_how_far_the_model_leads_where_nothing_is_named():
    found = evaluation()
    assert "Against the best" not in readme_table(found)
    found["lead"]["masked_recall_at_5"] = {"best_other": "SVM", "difference": 0.0634, "interval": [0.05, 0.0771]}
    found["lead"]["keyword_recall_at_5_unmentioned"] = {"best_other": "Annif", "difference": -0.02}
    assert readme_table(found).splitlines()[-1] == (
        "Against the best of the others, `int8` has +0.063 on `masked` (SVM; 95% interval +0.050 to +0.077) "
        "and -0.020 on `unmentioned` (Annif)."
    )


def test_all_tables_have_intervals_and_tell_where_the_model_is_behind():
    text = full_tables(evaluation())
    assert "0.800 [0.790, 0.810]" in text
    assert "| micro-F1 | string matching | -0.125 [-0.150, -0.100] |" in text
    assert "| audio | 3 | 40 | 0.900 | 0.700 | 0.600 | 0.250 |" in text
    assert "| language | 3 | 40 | 0.900 | 0.700 | 0.600 | – |" in text


def test_labels_of_a_table_are_not_called_distant():
    assert "score against distant labels, which a string matcher made" in readme_table(evaluation())
    text = full_tables(evaluation() | {"distant": False})
    assert "score against the table's own labels." in text and "## The table's own labels" in text
    assert "distant" not in text.lower() and "by definition" not in text


def test_a_column_that_no_system_has_is_left_out():
    found = evaluation()
    for scores in found["systems"].values():
        for name in [name for name in scores if name.startswith("keyword")]:
            del scores[name]
    assert "unmentioned" not in readme_table(found).splitlines()[2]


def test_the_table_goes_between_the_marks(tmp_path):
    document = tmp_path / "README.md"
    document.write_text(f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nafter\n", encoding="utf-8")
    for _ in range(2):
        update_document(document, "| new |\n")
    assert document.read_text(encoding="utf-8") == f"before\n{MARKS[0]}\n| new |\n{MARKS[1]}\nafter\n"
    document.write_text("no marks", encoding="utf-8")
    with pytest.raises(InputError, match="has no line"):
        update_document(document, "| new |\n")
