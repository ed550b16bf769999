import pytest

from scrapers.sources.pages import LayoutError, parse_links, parse_paper
from tests.scrapers.site import CAPTURED, category_page, method_page, methods_page, paper_page

OLD = "20190905120000"


def parse(page, captured=CAPTURED):
    return parse_paper(page.encode() if isinstance(page, str) else page, "/paper/a-study", captured)


def test_every_field():
    paper = parse(paper_page(title="Größe\n matters: <b> & co", abstract="Line one\nline two."))
    assert paper.URLs == "https://paperswithcode.com/paper/a-study"
    assert (paper.title, paper.abstract) == ("Größe matters: <b> & co", "Line one line two.")
    assert paper.tasks == ["Image Captioning", "Object Detection"]
    assert (paper.datasets_used, paper.dataset_links) == (["COCO"], ["https://paperswithcode.com/dataset/coco"])
    assert paper.methods == ["ResNet", "Multi-Head Attention"]
    assert (paper.arxiv_id, paper.date, paper.venue) == ("1706.03762", "2017-06-12", "NeurIPS 2017 12")


def test_add_datasets_means_no_datasets():
    page = paper_page(datasets=())
    assert "Add Datasets" in page and parse(page).datasets_used == []


def test_no_tasks_and_no_methods_are_no_problem():
    paper = parse(paper_page(tasks=(), methods=()))
    assert (paper.tasks, paper.methods) == ([], [])


def test_older_layout_without_methods_and_datasets():
    paper = parse(paper_page(datasets=None, methods=None), OLD)
    assert (paper.datasets_used, paper.methods) == ([], []) and paper.tasks


def test_a_paper_that_is_not_on_arxiv():
    paper = parse(paper_page(arxiv=None, date=None, venue=None))
    assert (paper.arxiv_id, paper.date, paper.venue) == ("", "", "")


@pytest.mark.parametrize(
    "missing, named",
    [
        ({"title": None}, "title"),
        ({"title": " "}, "empty title"),
        ({"abstract": None}, "abstract"),
        ({"abstract": ""}, "empty abstract"),
        ({"tasks": None}, "tasks section"),
        ({"datasets": None}, "datasets section"),
        ({"methods": None}, "methods section"),
    ],
)
def test_a_missing_part_is_named(missing, named):
    with pytest.raises(LayoutError, match=named):
        parse(paper_page(**missing))


def test_a_page_that_breaks_off_is_refused():
    """Cut within the tasks, it would look like a paper with fewer of them."""
    page = paper_page()
    for length in range(0, len(page) - len("</html>"), 50):
        with pytest.raises(LayoutError, match="breaks off"):
            parse(page[:length])


def test_another_page_is_refused():
    with pytest.raises(LayoutError, match="no abstract"):
        parse("<html><body><h1>Sign in</h1></body></html>")


def test_broken_links_are_left_out():
    odd = '<a href="http://[x">x</a><a href="">y</a><a>z</a><a href="/task/"></a>'
    page = paper_page(tasks=["A"]).replace("<ul>", f"<ul>{odd}")
    assert parse(page).tasks == ["A"]
    assert parse_links(f"{odd}<a href='/paper/a'></html>".encode(), "a", "/paper/") == ["/paper/a"]


def test_a_picture_beside_a_name_takes_no_name_away():
    page = paper_page(datasets=("VOC", "COCO")).replace("COCO\n</a>", 'COCO</a><a href="/dataset/coco"><img></a>')
    assert parse(page).datasets_used == ["VOC", "COCO"]


def test_an_impossible_day_is_left_out():
    assert parse(paper_page(date="31 Feb 2020")).date == ""


def test_markup_that_cannot_be_parsed():
    with pytest.raises(LayoutError, match="cannot be parsed"):
        parse(paper_page().replace("<body>", "<body><![foo["))


def test_encodings():
    page = paper_page(title="Größe")
    assert parse(page.replace("utf-8", "latin-1")).title == "Größe"
    with pytest.raises(LayoutError, match="not in UTF-8"):
        parse(page.encode("latin-1"))


def test_links():
    assert parse_links(methods_page(["a", "b"]).encode(), ".card > a", "/methods/category/") == [
        "/methods/category/a",
        "/methods/category/b",
    ]
    assert parse_links(category_page(["x", "x"]).encode(), ".method-image > a", "/method/") == ["/method/x"]
    page = method_page(["p"]).replace(
        "</body>", '<div class="black-links"><a href="//evil.example/paper/no">x</a></div></body>'
    )
    assert parse_links(page.encode(), ".black-links > a", "/paper/") == ["/paper/p"]
    with pytest.raises(LayoutError, match="no links to /paper/"):
        parse_links(b"<html></html>", ".black-links > a", "/paper/")
