import pytest

from paper_tasks.io.arxiv import Entry, FeedError, arxiv_number, parse_feed, parse_xml
from tests.scrapers.site import atom, atom_entry

ROOT = "{http://www.w3.org/2005/Atom}feed"
DOCUMENT_TYPE = '<!DOCTYPE feed [<!ENTITY a "aaaa">]><feed xmlns="http://www.w3.org/2005/Atom">&a;</feed>'
ERROR = "<entry><id>http://arxiv.org/api/errors#incorrect_id</id><summary>incorrect id\n format</summary></entry>"


@pytest.mark.parametrize(
    "text, number",
    [
        ("2401.01234", "2401.01234"),
        (" arXiv:0704.0001v12\n", "0704.0001"),
        ("arXiv:1706.03762v2", "1706.03762"),
        ("https://arxiv.org/abs/1706.03762v5", "1706.03762"),
        ("https://arxiv.org/abs/1706.03762/", "1706.03762"),
        ("https://arxiv.org/abs/2401.01234v2?context=cs#here", "2401.01234"),
        ("https://arxiv.org/abs/1706.03762v5?context=cs#comments", "1706.03762"),
        ("http://www.arxiv.org/pdf/2401.01234v1.pdf", "2401.01234"),
        ("http://arxiv.org/pdf/0704.0001v1.pdf", "0704.0001"),
        ("https://de.arxiv.org/ftp/arxiv/papers/1801/1801.00001.pdf", "1801.00001"),
        ("export.arxiv.org/abs/hep-th/9901001", "hep-th/9901001"),
        ("https://arxiv.org/abs/hep-th/9901001v3", "hep-th/9901001"),
        ("cs/0112017", "cs/0112017"),
        ("HEP-TH/9901001", "hep-th/9901001"),
        ("math.GT/0309136", "math/0309136"),
        ("math.GT/0309136v3", "math/0309136"),
        ("https://arxiv.org/abs/2401.01234/", "2401.01234"),
        ("arXiv:2401.01234v1 [cs.CL]", "2401.01234"),
        ("arXiv:2401.01234 [astro-ph.GA]", "2401.01234"),
        ("https://doi.org/10.48550/arXiv.2401.01234", "2401.01234"),
        ("https://doi.org/10.48550/arXiv.1706.03762", "1706.03762"),
        ("doi.org/10.48550/arxiv.hep-th/9901001", "hep-th/9901001"),
        ("doi:10.48550/arXiv.2401.01234", "2401.01234"),
        ("10.48550/arXiv.2401.01234", "2401.01234"),
        ("https://example.org/11706.03762", ""),
        ("https://example.org/abs/2401.01234", ""),
        ("https://doi.org/10.1000/arXiv.2401.01234", ""),
        ("2401.01234 and 2401.01235", ""),
        ("2413.00001", ""),
        ("2400.00001", ""),
        ("hep-th/9913001", ""),
        ("attention", ""),
        ("", ""),
    ],
)
def test_numbers_links_and_dois(text, number):
    assert arxiv_number(text) == number


def test_an_entry_has_its_texts_on_one_line_each():
    feed = parse_feed(atom([atom_entry("2601.00001", "On\n  X &", "We\nstudy.", journal="J 1")], 7).encode())
    (entry,) = feed.entries
    assert (entry.number, entry.title, entry.abstract, entry.journal) == ("2601.00001", "On X &", "We study.", "J 1")
    assert entry.published.startswith("2026-01-02") and (feed.total, feed.error) == (7, "")


def test_what_an_answer_lacks_is_empty():
    feed = parse_feed(b'<feed xmlns="http://www.w3.org/2005/Atom"><entry/></feed>')
    assert feed.entries == [Entry("", "", "", "", "", "")] and feed.total is None


def test_arxivs_own_error_is_no_paper():
    feed = parse_feed(atom([ERROR]).encode())
    assert (feed.entries, feed.error) == ([], "incorrect id format")


@pytest.mark.parametrize(
    "body, reason",
    [
        (b"", "XML that cannot be read"),
        (b"\0" * 99, "XML that cannot be read"),
        ("<a>ü</a>".encode("latin-1"), "XML that cannot be read"),
        (b'<?xml version="1.0" encoding="x"?><a/>', "XML that cannot be read"),
        (b"<html>Busy</html>", "<html> where <feed> was promised"),
        (DOCUMENT_TYPE.encode(), "a web page where XML was promised"),
        (DOCUMENT_TYPE.encode("utf-16"), "a web page where XML was promised"),
    ],
)
def test_other_answers(body, reason):
    with pytest.raises(FeedError, match=reason):
        parse_xml(body, ROOT)
