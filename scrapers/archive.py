"""Papers with Code's last dump (CC BY-SA), from the Hugging Face hub or a local copy of its files."""

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import ijson
import pyarrow
import pyarrow.parquet as pq
import requests
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3.util import Retry

from scrapers.schema import Paper

HUB = "https://huggingface.co/datasets/pwc-archive/papers-with-abstracts/resolve/main/data"
SHARDS = [f"train-0000{number}-of-00004.parquet" for number in range(4)]
COLUMNS = ["paper_url", "arxiv_id", "title", "abstract", "tasks", "date", "proceeding", "methods"]
SECONDS = 60


class SourceError(Exception):
    """The dump cannot be fetched or read; one sentence."""


def download(folder: Path, base_url: str = HUB) -> list[Path]:
    """Fetches the four shards (580 MB) that `folder` lacks, and returns their paths. Raises SourceError."""
    folder.mkdir(parents=True, exist_ok=True)
    session = requests.Session()
    session.headers["User-Agent"] = "from-paper-with-tasks"
    session.mount(base_url, HTTPAdapter(max_retries=Retry(5, backoff_factor=1, status_forcelist=(429, 502, 503, 504))))
    paths = [folder / shard for shard in SHARDS]
    for path in paths:
        if not path.exists():
            _fetch(session, f"{base_url}/{path.name}", path)
    return paths


def records(path: Path) -> Iterator[dict[str, Any]]:
    """The dump's records, one at a time, from a Parquet shard or the .json.gz. Raises SourceError."""
    try:
        if path.suffix == ".parquet":
            with pq.ParquetFile(path) as file:
                columns = [name for name in COLUMNS if name in file.schema_arrow.names]
                for batch in file.iter_batches(batch_size=1000, columns=columns):
                    yield from batch.to_pylist()
        else:
            with gzip.open(path, "rb") as file:
                yield from ijson.items(file, "item")
    except (OSError, EOFError, pyarrow.ArrowInvalid, ijson.JSONError) as error:
        raise SourceError(
            f"{path} cannot be read ({error}); it should be a shard or the .json.gz of the dump."
        ) from error


def papers(paths: Iterable[Path], since: int | None = None, area: str | None = None) -> Iterator[Paper]:
    """Papers with an abstract; `since` a year, and with a method of `area` ("Computer Vision"), where given."""
    for path in paths:
        for record in tqdm(records(path), desc=path.name, unit="paper", delay=1, disable=None):
            paper = paper_of(record)
            if not paper.abstract or (since and paper.date[:4] < str(since)):
                continue
            if area and area not in areas(record):
                continue
            yield paper


def paper_of(record: dict[str, Any]) -> Paper:
    """A record in our columns; the hard line breaks of titles and abstracts become spaces."""
    return Paper(
        URLs=record["paper_url"] or "",
        title=" ".join((record["title"] or "").split()),
        abstract=" ".join((record["abstract"] or "").split()),
        methods=[method["name"] for method in record.get("methods") or []],
        tasks=list(record.get("tasks") or []),
        arxiv_id=record.get("arxiv_id") or "",
        date=str(record.get("date") or "")[:10],
        venue=record.get("proceeding") or "",
        source="papers with code archive",
    )


def areas(record: dict[str, Any]) -> set[str]:
    """The areas of the record's methods, by their main collections."""
    collections = (method.get("main_collection") for method in record.get("methods") or [])
    return {collection["area"] for collection in collections if collection}


def _fetch(session: requests.Session, url: str, path: Path) -> None:
    partial = path.with_name(path.name + ".partial")
    done = partial.stat().st_size if partial.exists() else 0
    headers = {"Range": f"bytes={done}-"} if done else {}
    try:
        with session.get(url, headers=headers, stream=True, timeout=SECONDS) as response:
            response.raise_for_status()
            # A server that knows no ranges sends the whole anew.
            mode = "ab" if response.status_code == 206 else "wb"
            total = int(response.headers.get("Content-Length", 0)) or None
            with partial.open(mode) as file, tqdm(desc=path.name, total=total, unit="B", unit_scale=True) as bar:
                for block in response.iter_content(1 << 20):
                    file.write(block)
                    bar.update(len(block))
    except requests.RequestException as error:
        raise SourceError(f"{url} cannot be fetched ({error}); run the command again to go on.") from error
    partial.replace(path)
