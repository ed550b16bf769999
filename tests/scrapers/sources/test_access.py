import pytest

from scrapers.options import CrawlOptions, PaperOptions
from scrapers.sources import arxiv, openreview
from scrapers.sources.access import open_client


def client_of(source, base_url, folder, **options):
    return open_client(
        source, base_url, folder / "c.sqlite", folder / "out.csv", PaperOptions(), CrawlOptions(**options)
    )


@pytest.mark.parametrize("base, asked, kept", [("", 0.001, 3.0), ("", 9.0, 9.0), ("http://localhost:1", 0.001, 0.001)])
def test_no_pace_is_faster_than_the_source_allows(tmp_path, base, asked, kept):
    with client_of(arxiv, base or arxiv.API, tmp_path, pace=asked) as client:
        assert client._paces["https://"] == kept


@pytest.mark.parametrize("base, sent", [("", True), ("http://localhost:1", False), ("http://openreview.net", False)])
def test_a_token_is_for_openreview_alone(tmp_path, monkeypatch, base, sent):
    monkeypatch.setenv("OPENREVIEW_TOKEN", " abc.def\n")
    with client_of(openreview, base or openreview.API, tmp_path) as client:
        assert client._session.headers.get("Authorization") == ("Bearer abc.def" if sent else None)
    with client_of(arxiv, arxiv.API, tmp_path) as client:
        assert "Authorization" not in client._session.headers
