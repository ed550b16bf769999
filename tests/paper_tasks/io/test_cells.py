import pandas as pd
import pytest

from paper_tasks.errors import InputError
from paper_tasks.io.cells import parse_column, parse_list


@pytest.mark.parametrize(
    "cell, items",
    [
        ("", []),
        ("[]", []),
        ("['a', \"b's\"]", ["a", "b's"]),
        ('["a", "b"]', ["a", "b"]),
        ("deep learning; NER ;", ["deep learning", "NER"]),
        ("('a', 'b')", ["a", "b"]),
        ("{'b', 'a'}", ["a", "b"]),
        ("['say \"hi\" ',\n 'b']", ['say "hi" ', "b"]),
        ("(semi-)supervised learning (SSL)", ["(semi-)supervised learning (SSL)"]),
        ("nan", []),
        ("None", []),
    ],
)
def test_lists_of_every_kind(cell, items):
    assert parse_list(cell) == items


def test_blanks_around_items_are_dropped(tmp_path):
    assert parse_column(pd.Series(['[" a ", ""]', " b ;"]), tmp_path / "t.csv") == [["a"], ["b"]]


@pytest.mark.parametrize("cell", ["[1, 2]", "[open('x')]", "['a'", "[" * 1000, "['a' 'b']", "['a'\n 'b']"])
def test_cells_that_are_not_lists(tmp_path, cell):
    with pytest.raises(ValueError):
        parse_list(cell)
    with pytest.raises(InputError, match=r"t\.csv, row 2, column 'tasks'"):
        parse_column(pd.Series(["[]", cell], name="tasks"), tmp_path / "t.csv")
