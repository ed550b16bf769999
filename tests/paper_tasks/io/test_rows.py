from paper_tasks.io.rows import TAG_COLUMNS, tag_columns
from paper_tasks.tagger.classifier import MAIN, OK, Tag


def test_each_level_has_columns_of_its_own():
    tags = [Tag("A", 0.91234567, MAIN), Tag("B", 0.5, MAIN), Tag("C", 0.75, OK)]
    columns = tag_columns(tags)
    assert tuple(columns) == TAG_COLUMNS
    assert [*columns.values()] == [["A", "B"], [0.9123, 0.5], ["C"], [0.75]]


def test_a_level_without_a_tag_is_an_empty_list():
    assert tag_columns([Tag("A", 0.5)])["also_tasks"] == tag_columns([])["predicted_tasks"] == []
