"""The papers of a venue, with the authors' own keywords, from OpenReview's API 2."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from paper_tasks.io.cells import one_line
from scrapers.http.client import Client, UnexpectedContentError
from scrapers.http.transport import FetchError
from scrapers.run import Expected, Item
from scrapers.schema import Paper, Problem, fetched_from

HOSTS = {"openreview.net"}
API = "https://api2.openreview.net"
PACE = 1.0
KEEP = timedelta(days=1)
PAGE = 1000
# The environment variable that may hold a token.
TOKEN = "OPENREVIEW_TOKEN"


def papers(client: Client, venue: str, submitted: bool = False, api: str = API) -> Iterator[Item]:
    """The papers that a venue ("ICLR.cc/2024/Conference") accepted; with `submitted`, all that one may read."""
    offset, total = 0, 1
    while offset < total:
        url = _page_url(venue, submitted, api, offset)
        try:
            notes, total = _get(client, url)
        except FetchError as error:
            yield Problem(url, f"{error}, for a page of up to {PAGE:,} papers")
            offset += PAGE
            continue
        if offset == 0:
            yield Expected(total)
            if not total:
                yield Problem(url, f"OpenReview has no papers of '{venue}'; a venue looks like ICLR.cc/2024/Conference")
        if not notes and offset < total:
            yield Problem(url, f"the list ends after {offset:,} of {total:,} papers")
            return
        yield from fetched_from(notes, url)
        offset += len(notes)


def count(client: Client, venue: str, submitted: bool = False, api: str = API) -> int:
    """How many papers `papers` would give. Raises FetchError."""
    return _get(client, _page_url(venue, submitted, api, 0))[1]


def parse_notes(body: bytes) -> tuple[list[Paper | Problem], int]:
    """The papers on a page of notes, and how many notes there are on all pages."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnexpectedContentError("no JSON where JSON was promised") from error
    try:
        notes, total = list(answer["notes"]), int(answer["count"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UnexpectedContentError("JSON without notes and their count") from error
    return [_of_note(note) for note in notes], total


def _get(client: Client, url: str) -> tuple[list[Paper | Problem], int]:
    try:
        return client.get(url, parse_notes)
    except FetchError as error:
        if error.status not in (401, 403):
            raise
        wants = f"{error}, OpenReview wants a login or a browser check; it says: {_said(error.body)}; {TOKEN} may hold"
        refusal = FetchError(f"{wants} the token of a login", error.status)
        refusal.url = url
        raise refusal from error


def _said(body: bytes) -> str:
    try:
        answer = json.loads(body)
        said = f"{answer['name']}: {answer['message']}"
    except (ValueError, RecursionError, KeyError, TypeError):
        said = body.decode("utf-8", "replace")
    return one_line(said)[:200].rstrip(".") or "nothing"


def _page_url(venue: str, submitted: bool, api: str, offset: int) -> str:
    which = {"invitation": f"{venue}/-/Submission"} if submitted else {"content.venueid": venue}
    return f"{api}/notes?{urlencode(which | {'limit': PAGE, 'offset': offset, 'sort': 'number:asc'})}"


def _of_note(note: Any) -> Paper | Problem:
    try:
        return _paper(note)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, OSError) as error:
        # The last three come from something that is not a date.
        return Problem(API, f"a note of another form ({type(error).__name__}: {error})")


def _paper(note: dict[str, Any]) -> Paper | Problem:
    content, address = note["content"], f"https://openreview.net/forum?id={note['forum']}"
    title, abstract = one_line(_text(content, "title")), one_line(_text(content, "abstract"))
    missing = [name for name, part in {"title": title, "abstract": abstract}.items() if not part]
    if missing:
        return Problem(address, f"a paper without {' and '.join(missing)}")
    milliseconds = note.get("pdate") or note.get("cdate")
    return Paper(
        URLs=address,
        title=title,
        abstract=abstract,
        date=datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d") if milliseconds else "",
        venue=one_line(_text(content, "venue")),
        keywords=_keywords(_value(content, "keywords")),
        source="openreview",
    )


def _value(content: dict[str, Any], name: str) -> Any:
    """API 2 wraps each value in an object."""
    value = content.get(name)
    return value.get("value") if isinstance(value, dict) else value


def _text(content: dict[str, Any], name: str) -> str:
    value = _value(content, name)
    return value if isinstance(value, str) else ""


def _keywords(value: Any) -> list[str]:
    """Some venues ask for a list, some for one text; authors write commas or semicolons into both."""
    items = value if isinstance(value, list) else [value]
    words = [word for item in items if item for word in str(item).replace(";", ",").split(",")]
    return list(dict.fromkeys(filter(None, map(one_line, words))))
