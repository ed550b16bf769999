import pytest
import requests

from scrapers.http.transport import FetchError, backoff, cause, check_host, hosts_of, seconds_to_wait

HOSTS = {"arxiv.org", "localhost:8000"}


@pytest.mark.parametrize(
    "url",
    [
        "https://arxiv.org/abs/1",
        "http://export.arxiv.org/api",
        "https://arxiv.org:443/",
        "https://EXPORT.arxiv.org/",
        "http://localhost:8000/a",
    ],
)
def test_own_hosts(url):
    check_host(url, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "https://arxiv.org.example.net/",
        "https://notarxiv.org/",
        "https://example.net/?arxiv.org",
        "https://arxiv.org@example.net/",
        "http://localhost/",
        "http://localhost:8001/",
        "file:///arxiv.org",
        "ftp://arxiv.org/",
        "arxiv.org",
        "http://[::1",
        "",
    ],
)
def test_other_hosts(url):
    with pytest.raises(FetchError, match="leads to"):
        check_host(url, HOSTS)


def test_a_mirror_is_asked_alone():
    assert hosts_of("https://export.arxiv.org/api/query", HOSTS) == HOSTS
    assert hosts_of("http://Mirror.example.net:81/x", HOSTS) == {"mirror.example.net:81"}
    check_host("http://MIRROR.example.net:81/y", {"mirror.example.net:81"})


@pytest.mark.parametrize(
    "status, header, seconds",
    [(429, "5", 5), (503, "5", 5), (429, None, 60), (503, None, 0), (503, "-5", 0), (429, "x", 60), (503, "1e9", 0)],
)
def test_seconds_to_wait(status, header, seconds):
    response = requests.Response()
    response.status_code = status
    if header:
        response.headers["Retry-After"] = header
    assert seconds_to_wait(response) == seconds


def test_backoff():
    for attempt in range(1, 5):
        assert 2**attempt <= backoff(attempt) <= 1.5 * 2**attempt
        assert 37 <= backoff(attempt, 37) <= 55.5


def test_cause_is_the_innermost():
    try:
        try:
            raise KeyError("deep")
        except KeyError as error:
            raise ValueError("shallow") from error
    except ValueError as error:
        assert cause(error) == "'deep'"
    assert cause(TimeoutError()) == "TimeoutError"
