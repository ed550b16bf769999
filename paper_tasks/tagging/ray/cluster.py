"""Tags Parquet on a Ray cluster: the same classifier as on one machine, once in each worker."""

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from tqdm import tqdm

from paper_tasks.errors import InputError, Interrupted
from paper_tasks.io.writing import csv_lines
from paper_tasks.tagger.classifier import FULL, TaskClassifier
from paper_tasks.tagger.model_folder import usable_cores
from paper_tasks.tagging import tag_file
from paper_tasks.tagging.ray import parts
from paper_tasks.tagging.ray.parts import Partition, RemotePath
from paper_tasks.tagging.tag_file import Summary, TagOptions

if TYPE_CHECKING:
    import numpy as np

# Before Ray is imported: no statistics of use, and no warnings between the lines of a progress bar.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
LOCAL = "local"


@dataclass(frozen=True)
class Loading:
    """How a worker loads the classifier: the model's folder, absolute and there on every machine, CPU threads, tier."""

    model: str
    threads: int = 1
    tier: str = FULL


@dataclass(frozen=True)
class PartitionResult:
    """A part that a worker has written: rows tagged and not, the latter as lines of CSV; where, and from when to
    when (seconds of that machine's clock). `error` is a sentence if it could not be done.
    """

    rows: int
    tagged: int = 0
    problems: str = ""
    node: str = ""
    began: float = 0.0
    ended: float = 0.0
    error: str = ""


class Worker:
    """An actor of Ray Data: loads the classifier once, then reads, tags and writes one part after the other.

    Texts go from storage to worker and tags from worker to storage; Ray carries but a line or two for each part.
    """

    def __init__(
        self, source: RemotePath, output: RemotePath, schema: pa.Schema, loading: Loading, options: TagOptions
    ) -> None:
        import ray

        self._node = ray.get_runtime_context().get_node_id()
        self._source, self._output, self._options = source, output, options
        self._classifier = TaskClassifier.load(loading.model, loading.threads, bulk=True, tier=loading.tier)
        types = tag_file.typed(schema, tag_file.new_columns(self._classifier.labels, options))
        self._schema = pa.schema(types.items())

    def __call__(self, batch: "dict[str, np.ndarray]") -> dict[str, list[Any]]:
        """From a part, in a batch of one, to a `PartitionResult`."""
        part = Partition(**{name: column.tolist()[0] for name, column in batch.items()})
        try:
            done = self._do(part)
        except InputError as error:
            # Returned, not raised, or Ray would wrap it in pages of its own.
            done = PartitionResult(part.stop - part.first, error=str(error))
        return {name: [value] for name, value in asdict(done).items()}

    def _do(self, part: Partition) -> PartitionResult:
        began, tagged, broken = time.time(), 0, []
        rows = parts.read_part(self._source, part)

        def chunks() -> Iterator[list[dict[str, Any]]]:
            nonlocal tagged
            while chunk := list(islice(rows, tag_file.CHUNK)):
                values, problems = tag_file.tag_rows(chunk, self._classifier, self._options)
                tagged += len(values)
                broken.extend(problems)
                yield values

        parts.write_part(self._output, part, self._schema, chunks())
        file = part.file or os.path.basename(self._source.path)
        lines = csv_lines([file, row.line, row.column, row.problem] for row in broken)
        return PartitionResult(part.stop - part.first, tagged, lines, self._node, began, time.time())


def tag_folder(
    source: str,
    output: str,
    loading: Loading,
    options: TagOptions | None = None,
    address: str = LOCAL,
    overwrite: bool = False,
    part_rows: int = parts.PART,
    on_done: Callable[[PartitionResult], None] = lambda done: None,
) -> Summary:
    """Writes the rows of `source` (a Parquet file, or a folder of them) into the folder `output`, in their order,
    with the columns that `tag.tag_file` adds; both are paths that every machine sees, or URIs.

    Rows that hold no text are left out and listed, by file, row, column and reason, in OUTPUT.problems.csv. A part
    whose worker died is done again by another; parts.DONE is in the folder when all are there.

    Args:
        address: of a Ray cluster that runs, "auto" for the one this machine is part of; LOCAL starts one of this
            machine's cores, for the time of the call.
        part_rows: done by a worker at a time, and done again when it dies.
        on_done: is told of each part, in their order.

    Raises InputError if Ray is not installed or not there, or for what `parts` raises it; Interrupted at Ctrl-C.
    """
    origin, target = RemotePath.of(source), RemotePath.of(output)
    found, schema = parts.find_parts(origin, part_rows)
    tag_file.check_columns(source, schema.names)
    if not found:
        raise InputError(f"{source} holds no rows.")
    problems, tagged, rows = parts.problems_place(target), 0, sum(part.stop - part.first for part in found)
    with _ray(address) as ray:
        actors = min(_actors(ray, loading.threads), len(found))
        run = parts.begin(origin, target, overwrite)
        try:
            with (
                _Problems(problems) as listed,
                tqdm(total=rows, desc="tagging", unit=" papers", disable=None) as bar,
            ):
                dones = _run(ray, found, (origin, target, schema, loading, options or TagOptions()), actors)
                for done in dones:
                    if done.error:
                        raise InputError(f"{done.error} What was tagged before is in {output}, unfinished.")
                    listed.write(done.problems)
                    tagged += done.tagged
                    bar.update(done.rows)
                    on_done(done)
        except KeyboardInterrupt as error:
            raise Interrupted(f"The {tagged:,} papers tagged so far are in {output}, unfinished.") from error
        parts.end(target, run, found)
    if not tagged:
        raise InputError(f"{source} has no paper that could be tagged; {problems.name} tells why, row by row.")
    return Summary(tagged, rows - tagged, problems.name)


def _run(ray: Any, found: list[Partition], arguments: tuple, actors: int) -> Iterator[PartitionResult]:
    """What came of each part, in their order. Ray Data gives a part whose worker died to another."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
    done = ray.data.from_items([asdict(part) for part in found], override_num_blocks=len(found)).map_batches(
        Worker,
        fn_constructor_args=arguments,
        batch_size=1,
        concurrency=actors,
        # Half of what it will use: so the machines that are left have room for the workers of one that died.
        num_cpus=arguments[3].threads / 2,
    )
    for row in done.iter_rows():
        yield PartitionResult(**row)


def _actors(ray: Any, threads: int) -> int:
    """Workers of so many threads that the cluster has cores for. Raises InputError if that is none."""
    cores = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    if actors := sum(count // threads for count in cores):
        return actors
    raise InputError(f"No machine of the cluster has {threads} cores; give fewer --threads.")


@contextmanager
def _ray(address: str) -> Iterator[Any]:
    """Ray, connected or started, and let go of at the end. Raises InputError if it is not there."""
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise InputError("--engine ray needs Ray; install it: pip install -r requirements-ray.txt.") from error
    _check_address(address)
    logs = {"logging_level": "error", "log_to_driver": False}
    try:
        if address == LOCAL:
            ray.init(address=LOCAL, include_dashboard=False, num_cpus=usable_cores(), **logs)
        else:
            ray.init(address=address, **logs)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise InputError(
            f"No Ray cluster answers at --address {address}; start one with `ray start --head` and name its host:port."
        ) from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        yield ray
    except ray.exceptions.RayError as error:
        raise InputError(
            f"The Ray cluster gave up ({type(error).__name__}). Are project and model at one path on all machines? "
            "Ray's logs in /tmp/ray tell more."
        ) from error
    finally:
        ray.shutdown()


def _check_address(address: str) -> None:
    """Raises InputError if nobody listens there: Ray itself would try for a minute."""
    if address in (LOCAL, "auto"):
        return
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, ValueError, OverflowError) as error:
        raise InputError(f"--address {address}: no Ray cluster answers there; give host:port, or auto.") from error


class _Problems:
    """The list of rows that could not be tagged; there is no file until there is one."""

    def __init__(self, place: RemotePath) -> None:
        self._place, self._file = place, None

    def __enter__(self) -> "_Problems":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def write(self, lines: str) -> None:
        if not lines:
            return
        with parts.told(self._place.name, "written"):
            if self._file is None:
                self._file = self._place.system.open_output_stream(self._place.path)
                self._file.write(b"file,row,column,reason\n")
            self._file.write(lines.encode("utf-8", "replace"))
