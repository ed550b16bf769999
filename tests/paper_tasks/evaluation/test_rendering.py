import pytest
from jinja2 import UndefinedError

from paper_tasks.errors import InputError
from paper_tasks.evaluation.rendering import cell, render, table, update_document

MARKS = ("<!-- from here -->", "<!-- to here -->")


def test_a_template_is_filled_in_and_an_unknown_name_is_an_error(tmp_path):
    template = tmp_path / "text.md.j2"
    text = "{{ papers | number }} {{ name }} <{{ share | percent }}>, {{ lead | signed }}.\n"
    template.write_text(text, encoding="utf-8")
    values = {"papers": 1234, "share": 0.71, "lead": 0.0634}
    assert render(template, **values, name="papers") == "1,234 papers <71%>, +0.063.\n"
    with pytest.raises(UndefinedError, match="'name' is undefined"):
        render(template, **values)


def test_a_row_without_a_value_gets_a_dash_and_a_column_without_values_is_left_out():
    found = table("system", {"a": "A", "b": "B", "c": "C"}, {"one": {"a": "1"}, "two": {"b": "2"}})
    assert found == "| system | A | B |\n|---|---:|---:|\n| one | 1 | – |\n| two | – | 2 |\n"


@pytest.mark.parametrize("value, text", [(1234, "1,234"), (0.12345, "0.123"), (0.0016, "0.0016"), (0.0, "0.000")])
def test_cells(value, text):
    assert cell(value) == text


def test_the_text_goes_between_the_marks(tmp_path):
    document = tmp_path / "README.md"
    document.write_text(f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nafter\n", encoding="utf-8")
    for _ in range(2):
        update_document(document, "| new |\n", MARKS)
    assert document.read_text(encoding="utf-8") == f"before\n{MARKS[0]}\n| new |\n{MARKS[1]}\nafter\n"


@pytest.mark.parametrize("content", ["no marks", MARKS[0], MARKS[1]])
def test_a_document_without_both_marks_is_left_as_it_is(tmp_path, content):
    document = tmp_path / "README.md"
    document.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="needs the lines"):
        update_document(document, "| new |\n", MARKS)
    assert document.read_text(encoding="utf-8") == content
