"""Pages and feeds in the forms that the sources serve, all made up."""

import gzip
import json
import re
from html import escape
from urllib.parse import parse_qs, quote_plus, urlsplit

from werkzeug import Request, Response

SITE = "https://paperswithcode.com"
CAPTURED = "20240310120000"

TOPICS = ["image captioning", "object detection", "machine translation"]
ANY = re.compile(".*")


def topic(number):
    return f"Study {number} of {TOPICS[number % 3]}", f"We study {TOPICS[number % 3]} in way {number}."


def links(prefix, names):
    return "".join(f'<a href="{prefix}{name.lower().replace(" ", "-")}">\n  {escape(name)}\n</a>' for name in names)


def paper_page(
    title="A Study of Things",
    abstract="We study things.",
    tasks=("Image Captioning", "Object Detection"),
    datasets=("COCO",),
    methods=("ResNet", "Multi-Head Attention"),
    date="12 Jun 2017",
    venue="NeurIPS 2017 12",
    arxiv="1706.03762",
):
    """A paper's page as of 2021 to 2025; None leaves a section out, as older layouts do."""
    badges = "".join(
        f'<li><a href="/task/{task.lower().replace(" ", "-")}"><span class="badge badge-primary">'
        f'<img src="/t.png"><span>{escape(task)}</span></span></a></li>'
        for task in tasks or ()
    )
    parts = [
        '<div class="paper-title"><div class="row"><div class="col-md-12">',
        f"<h1>\n{escape(title)}\n</h1>" if title is not None else "",
        '<div class="authors"><p>',
        f'<span class="item-conference-link"><a href="/conference/x">{venue}</a></span> &nbsp;·&nbsp;' if venue else "",
        f'<span class="author-span ">{date}</span> &nbsp;·&nbsp;' if date else "",
        '<span class="author-span"><a href="/author/ann-onymous">Ann Onymous</a></span></p></div></div></div></div>',
        '<div class="paper-abstract"><div class="row"><div class="col-md-12"><h2>Abstract</h2>',
        f"<p>{escape(abstract)}</p>" if abstract is not None else "",
        f'<a href="https://arxiv.org/pdf/{arxiv}v5.pdf" class="badge badge-light">PDF</a>' if arxiv else "",
        f'<a href="https://arxiv.org/abs/{arxiv}v5" class="badge badge-light">Abstract</a>' if arxiv else "",
        "</div></div></div>",
    ]
    if tasks is not None:
        edit = '<a href="#" data-toggle="modal">Edit</a>'
        parts.append(f'<div class="paper-tasks"><h2>Tasks {edit}</h2><div><div><ul>{badges}</ul></div></div></div>')
    if datasets is not None:
        inner = links("/dataset/", datasets) or '<a href="#" data-toggle="modal">Add Datasets</a>'
        parts.append(f'<div class="paper-datasets"><h2>Datasets</h2>{inner}</div>')
    if methods is not None:
        parts.append(f'<div class="method-section">{links("/method/", methods)}</div>')
    body = "\n".join(parts)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title or "")}</title></head>'
        f'<body><nav><a href="/task/of-the-day">Task</a></nav>{body}<footer>Terms</footer></body></html>'
    )


def methods_page(categories):
    cards = "".join(
        f'<div class="card"><a href="/methods/category/{name}"><h3>{name}</h3></a></div>' for name in categories
    )
    return f"<!doctype html><html><body><h1>Methods</h1>{cards}</body></html>"


def category_page(methods):
    rows = "".join(f'<div class="method-image"><a href="/method/{name}"><img></a></div>' for name in methods)
    return f"<!doctype html><html><body>{rows}</body></html>"


def method_page(papers):
    rows = "".join(f'<div class="black-links"><a href="/paper/{name}">{name}</a></div>' for name in papers)
    return f"<!doctype html><html><body>{rows}</body></html>"


class WaybackMachine:
    """Snapshots of the site: CDX with resume keys, and the pages.

    `pages` has paths and bodies, captured once, on `captured`, unless `captures` has other times and addresses for a
    path; `faults` has addresses (path and query) or paths of pages, and lists of handlers that answer in turn before
    the real answer. `served` logs whole answers.
    """

    def __init__(self, pages, captured=CAPTURED, rows_per_listing=3, last_key=None):
        self.pages, self.captured = pages, captured
        self.rows_per_listing, self.last_key = rows_per_listing, last_key
        self.captures, self.faults, self.served, self.robots = {}, {}, [], ""

    def __call__(self, request: Request) -> Response:
        faults = self.faults.get(request.path) or self.faults.get(page_path(request.path))
        if faults:
            return faults.pop(0)(request)
        self.served.append(request.full_path.rstrip("?"))
        if request.path == "/robots.txt":
            return Response(self.robots, content_type="text/plain")
        if request.path == "/cdx/search/cdx":
            return self.listing(request)
        path = page_path(request.path)
        if path not in self.pages:
            return Response("<html><body>Wayback Machine has not archived that URL.</body></html>", status=404)
        body = self.pages[path]
        compressed = gzip.compress(body.encode() if isinstance(body, str) else body)
        headers = {"Content-Encoding": "gzip", "Vary": "*", "Cache-Control": "no-store", "Memento-Datetime": "x"}
        return Response(compressed, content_type="text/html; charset=ISO-8859-1", headers=headers)

    def listing(self, request: Request) -> Response:
        query = {name: values[0] for name, values in parse_qs(request.query_string.decode()).items()}
        names = query["fl"].split(",")
        asked = urlkey(query["url"].removeprefix("paperswithcode.com"))
        rows = [
            {"urlkey": urlkey(path), "timestamp": timestamp, "original": original}
            for path in sorted(self.pages)
            for timestamp, original in self.captures.get(path, [(self.captured, SITE + path)])
            if timestamp >= query.get("from", "")
            # Without a wildcard, one page is asked for.
            and (urlkey(path).startswith(asked[:-1]) if asked.endswith("*") else urlkey(path) == asked)
        ]
        if query.get("collapse") == "urlkey":
            rows = [row for at, row in enumerate(rows) if not at or row["urlkey"] != rows[at - 1]["urlkey"]]
        if not rows:
            return Response("")
        # The key names the last row by the fields that were asked for, and is quoted as in an address.
        keys = [f"{row['urlkey'] if 'urlkey' in names else ''} {row['timestamp']}!" for row in rows]
        if query.get("resumeKey", keys[0]) not in keys:
            return Response("org.archive.util.ArchiveException: no such resume key", status=400)
        start = keys.index(query["resumeKey"]) + 1 if "resumeKey" in query else 0
        end = start + self.rows_per_listing
        rows = [names, *([row[name] for name in names] for row in rows[start:end])]
        key = [quote_plus(keys[end - 1])] if end < len(keys) else self.last_key
        if "showResumeKey" in query and key is not None:
            rows += [[], key]
        return Response(json.dumps(rows), content_type="application/json")


def urlkey(path):
    """CDX takes pages for one that differ only in case or in a slash at the end."""
    return f"com,paperswithcode){path.rstrip('/').lower()}"


def page_path(path):
    return urlsplit(path.partition("id_/")[2]).path


def atom_entry(number, title="A Study", summary="We study.", published="2026-01-02T03:04:05Z", journal=None):
    journal = f"<arxiv:journal_ref>{journal}</arxiv:journal_ref>" if journal else ""
    return (
        f"<entry><id>http://arxiv.org/abs/{number}v2</id><updated>2026-02-01T00:00:00Z</updated>"
        f"<published>{published}</published><title>{escape(title)}</title><summary>  {escape(summary)}\n</summary>"
        f"<author><name>Ann Onymous</name></author>{journal}"
        f'<link href="http://arxiv.org/abs/{number}v2" rel="alternate"/><category term="cs.CL"/></entry>'
    )


def atom(entries, total=None):
    total = len(entries) if total is None else total
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom" '
        'xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/"><title type="html">ArXiv Query</title>'
        f"<opensearch:totalResults>{total}</opensearch:totalResults>"
        f"<opensearch:startIndex>0</opensearch:startIndex>{''.join(entries)}</feed>"
    )


def oai_record(number, title="A Study", abstract="We study.", created="2026-01-02", status=None):
    if status:
        return f'<record><header status="{status}"><identifier>oai:arXiv.org:{number}</identifier></header></record>'
    return (
        f"<record><header><identifier>oai:arXiv.org:{number}</identifier><datestamp>2026-01-05</datestamp>"
        '<setSpec>cs:cs:CL</setSpec></header><metadata><arXiv xmlns="http://arxiv.org/OAI/arXiv/">'
        f"<id>{number}</id><created>{created}</created><authors><author><keyname>Onymous</keyname></author></authors>"
        f"<title>{escape(title)}</title><categories>cs.CL</categories><abstract>  {escape(abstract)}\n</abstract>"
        "</arXiv></metadata></record>"
    )


def oai(records=(), token=None, total=None, error=None):
    if error:
        inner = f'<error code="{error}">It is so.</error>'
    else:
        size = f' completeListSize="{total}"' if total is not None else ""
        ending = f"<resumptionToken{size}>{token}</resumptionToken>" if token is not None else ""
        inner = f"<ListRecords>{''.join(records)}{ending}</ListRecords>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
        f"<responseDate>2026-01-06T00:00:00Z</responseDate>{inner}</OAI-PMH>"
    )


def note(forum, title="A Study", abstract="We study.", keywords=("things",)):
    content = {
        "title": {"value": title},
        "abstract": {"value": abstract},
        "keywords": {"value": keywords if isinstance(keywords, str) else list(keywords)},
        "venue": {"value": "ICLR 2024 poster"},
        "venueid": {"value": "ICLR.cc/2024/Conference"},
    }
    dates = {"cdate": 1695000000000, "pdate": 1705000000000}
    return {"id": forum, "forum": forum, "number": 1, **dates, "content": content}
