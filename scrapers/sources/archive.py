"""Papers with Code's last dump (CC BY-SA), from the Hugging Face hub or a local copy of its files."""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import ijson
import pyarrow
import pyarrow.parquet as pq

from paper_tasks.errors import InputError
from paper_tasks.io.cells import one_line
from scrapers.http.download import download
from scrapers.http.transport import hosts_of
from scrapers.run import Expected, Item, Skipped
from scrapers.schema import Paper, Problem
from scrapers.sources.selection import Selection
from scrapers.sources.spam import is_spam_name, is_spam_title

# The hub sends large files from other hosts.
HOSTS = {"huggingface.co", "hf.co"}
HUB = "https://huggingface.co/datasets/pwc-archive/papers-with-abstracts/resolve/main/data"
SHARDS = [f"train-0000{number}-of-00004.parquet" for number in range(4)]
NEEDED = {"paper_url", "title", "abstract", "tasks"}
COLUMNS = NEEDED | {"arxiv_id", "date", "proceeding", "conference", "methods"}
# The other fields of a method are long, and the same in thousands of records.
OF_METHODS = {"name", "full_name", "area"}


def fetch(folder: Path, base_url: str = HUB, contact: str = "") -> list[Path]:
    """The four shards (580 MB), fetched into `folder` if they are not there. Raises InputError."""
    hosts = hosts_of(base_url, HOSTS)
    return [download(f"{base_url}/{shard}", folder / shard, hosts, contact) for shard in SHARDS]


def records(path: Path) -> Iterator[dict[str, Any]]:
    """The dump's records, one at a time, from a Parquet shard or the .json.gz. Raises InputError."""
    try:
        if path.suffix == ".parquet":
            # Without these two options a whole row group, perhaps the shard, is read at once.
            with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 16) as file:
                for batch in file.iter_batches(batch_size=500, columns=_leaves(path, file.schema)):
                    yield from batch.to_pylist()
        else:
            with gzip.open(path, "rb") as file:
                yield from ijson.items(file, "item")
    except (OSError, EOFError, ValueError, OverflowError, zlib.error, pyarrow.ArrowException, ijson.JSONError) as error:
        raise InputError(
            f"{path} cannot be read ({one_line(str(error))}); it should be a shard or the .json.gz of the dump. "
            "Remove it to have it fetched again."
        ) from error


def papers(paths: Iterable[Path], selection: Selection) -> Iterator[Item]:
    """The selected papers that have title and abstract and are not spam. Raises InputError."""
    for path in paths:
        yield Expected(_rows(path))
        for number, record in enumerate(records(path), start=1):
            try:
                yield _item(record, selection)
            except (AttributeError, KeyError, TypeError) as error:
                yield Problem(f"{path.name}#{number}", f"a record of another form ({type(error).__name__}: {error})")


def paper_of(record: dict[str, Any]) -> Paper:
    """A record in our columns: line breaks become spaces, and spam among the names is left out."""
    return Paper(
        URLs=record["paper_url"].strip(),
        title=one_line(record["title"]),
        abstract=one_line(record["abstract"]),
        methods=_names(method["name"] for method in record.get("methods") or []),
        tasks=_names(record["tasks"] or []),
        arxiv_id=one_line(record.get("arxiv_id")),
        date=str(record.get("date") or "")[:10],
        venue=one_line(record.get("proceeding") or record.get("conference")),
        source="papers with code archive",
    )


def _item(record: dict[str, Any], selection: Selection) -> Item:
    if not selection.takes(record):
        return Skipped("not selected")
    paper = paper_of(record)
    if not paper.URLs:
        raise KeyError("paper_url")
    if not (paper.title and paper.abstract):
        return Skipped("without title or abstract")
    if is_spam_title(paper.title):
        return Skipped("spam")
    has_names = bool(record["tasks"] or record.get("methods"))
    return Skipped("spam") if has_names and not (paper.tasks or paper.methods) else paper


def _names(names: Iterable[str]) -> list[str]:
    return [name for name in map(one_line, names) if name and not is_spam_name(name)]


def _leaves(path: Path, schema: pq.ParquetSchema) -> list[str]:
    """The columns to read, nested ones by their paths (methods.list.element.name). Raises InputError."""
    leaves = [schema.column(number).path.split(".") for number in range(len(schema))]
    if missing := NEEDED - {leaf[0] for leaf in leaves}:
        raise InputError(f"{path} has no column '{min(missing)}'; it should be a shard of the dump.")
    return [
        ".".join(leaf) for leaf in leaves if leaf[0] in COLUMNS and (leaf[0] != "methods" or leaf[-1] in OF_METHODS)
    ]


def _rows(path: Path) -> int:
    """The number of records; 0 if only reading them all would show it."""
    try:
        return pq.read_metadata(path).num_rows if path.suffix == ".parquet" else 0
    except (OSError, pyarrow.ArrowException):
        # The error is raised when the records are read.
        return 0
