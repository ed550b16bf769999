"""Tags Parquet on a Ray cluster: each worker has the same classifier as the local engine."""

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from tqdm import tqdm

from paper_tasks.errors import InputError, Interrupted
from paper_tasks.io.encoder import csv_lines
from paper_tasks.io.rows import Row, check_text_columns
from paper_tasks.tagger.model_folder import usable_cores
from paper_tasks.tagging import tag_file
from paper_tasks.tagging.options import ModelOptions, TagOptions
from paper_tasks.tagging.ray import partitions
from paper_tasks.tagging.ray.partitions import Partition, RemotePath
from paper_tasks.tagging.tag_file import Summary

if TYPE_CHECKING:
    import numpy as np

# Set before Ray is imported: it sends no usage statistics, and prints no warnings into the progress bar.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
LOCAL = "local"


@dataclass(frozen=True)
class PartitionResult:
    """What a worker made of a partition.

    Attributes:
        rows: rows of the input; `tagged` of them were tagged.
        problems: lines of CSV about the rows that were not.
        node: the Ray node that did the work, from `started` to `ended` in seconds of that machine's clock.
        error: a sentence if the partition could not be tagged, else "".
    """

    rows: int
    tagged: int = 0
    problems: str = ""
    node: str = ""
    started: float = 0.0
    ended: float = 0.0
    error: str = ""


class Worker:
    """An actor of Ray Data: loads the classifier once, then reads, tags and writes one partition after the other.

    Each worker reads texts from the storage and writes tags to it; Ray carries only a short record per partition.
    """

    def __init__(
        self,
        source: RemotePath,
        output: RemotePath,
        schema: pa.Schema,
        model_options: ModelOptions,
        tag_options: TagOptions,
    ) -> None:
        import ray

        self._node = ray.get_runtime_context().get_node_id()
        self._source, self._output, self._options = source, output, tag_options
        self._classifier = model_options.load(bulk=True)
        added = tag_file.new_columns(self._classifier.labels, tag_options)
        self._schema = pa.schema(tag_file.column_types(schema, added).items())

    def __call__(self, batch: "dict[str, np.ndarray]") -> dict[str, list[Any]]:
        """Turns a batch of one `Partition`, as columns, into a batch of one `PartitionResult`."""
        partition = Partition(**{name: column.tolist()[0] for name, column in batch.items()})
        try:
            result = self._tag(partition)
        except InputError as error:
            # Ray would wrap a raised error in pages of its own.
            result = PartitionResult(partition.stop - partition.start, error=str(error))
        return {name: [value] for name, value in asdict(result).items()}

    def _tag(self, partition: Partition) -> PartitionResult:
        started, tagged = time.time(), 0
        broken: list[Row] = []
        rows = partitions.read_partition(self._source, partition)

        def chunks() -> Iterator[list[dict[str, Any]]]:
            nonlocal tagged
            while chunk := list(islice(rows, tag_file.CHUNK)):
                values, problems = tag_file.tag_rows(chunk, self._classifier, self._options)
                tagged += len(values)
                broken.extend(problems)
                yield values

        partitions.write_partition(self._output, partition, self._schema, chunks())
        file = partition.file or os.path.basename(self._source.path)
        lines = csv_lines([file, row.line, row.column, row.problem] for row in broken)
        return PartitionResult(partition.stop - partition.start, tagged, lines, self._node, started, time.time())


def tag_folder(
    source: str,
    output: str,
    model_options: ModelOptions,
    tag_options: TagOptions | None = None,
    address: str = LOCAL,
    overwrite: bool = False,
    partition_rows: int = partitions.PARTITION_ROWS,
    on_result: Callable[[PartitionResult], None] = lambda result: None,
) -> Summary:
    """Tags the rows of `source` (a Parquet file, or a folder of them) into the folder `output`, in their order.

    The rows get the columns that `tag_file.tag_file` adds. Both names are paths that every machine sees, or URIs.
    Rows without text are left out and listed in OUTPUT.problems.csv by file, row, column and reason. If a worker
    dies, another one repeats its partition. The file partitions.SUCCESS appears when all partitions are there.

    Args:
        model_options: the folder must be an absolute path to the same model on every machine.
        address: of a running Ray cluster, or "auto" for the one of this machine; LOCAL starts a cluster on this
            machine's cores, for the time of the call.
        partition_rows: rows of a partition, which is what a worker loses when it dies.
        on_result: called for each partition, in their order.

    Raises InputError if Ray is not installed or does not answer, and for what `partitions` raises it; Interrupted at
    Ctrl-C.
    """
    origin, target = RemotePath.parse(source), RemotePath.parse(output)
    found, schema = partitions.find_partitions(origin, partition_rows)
    check_text_columns(source, schema.names)
    if not found:
        raise InputError(f"{source} holds no rows.")
    problems, tagged = partitions.problems_path(target), 0
    rows = sum(partition.stop - partition.start for partition in found)
    with _ray(address) as ray:
        threads = model_options.threads or 1
        of_worker = replace(model_options, threads=threads)
        actors = min(_actors(ray, threads), len(found))
        run = partitions.start_run(origin, target, overwrite)
        try:
            with (
                _Problems(problems) as listed,
                tqdm(total=rows, desc="tagging", unit=" papers", disable=None) as bar,
            ):
                arguments = (origin, target, schema, of_worker, tag_options or TagOptions())
                for result in _results(ray, found, arguments, actors, threads):
                    if result.error:
                        raise InputError(f"{result.error} {output} is unfinished and keeps what was tagged before.")
                    listed.write(result.problems)
                    tagged += result.tagged
                    bar.update(result.rows)
                    on_result(result)
        except KeyboardInterrupt as error:
            raise Interrupted(f"The {tagged:,} papers tagged so far are in {output}, which is unfinished.") from error
        partitions.finish_run(target, run, found)
    if not tagged:
        raise InputError(f"{source} has no paper that could be tagged; {problems.name} gives the reason for each row.")
    return Summary(tagged, rows - tagged, problems.name)


def _results(
    ray: Any, found: list[Partition], arguments: tuple[Any, ...], actors: int, threads: int
) -> Iterator[PartitionResult]:
    """The result of each partition, in their order. Ray Data gives the partition of a dead worker to another one."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
    results = ray.data.from_items(
        [asdict(partition) for partition in found], override_num_blocks=len(found)
    ).map_batches(
        Worker,
        fn_constructor_args=arguments,
        batch_size=1,
        concurrency=actors,
        # Half of what a worker uses, so that the other machines have room for the workers of a machine that died.
        num_cpus=threads / 2,
    )
    for row in results.iter_rows():
        yield PartitionResult(**row)


def _actors(ray: Any, threads: int) -> int:
    """How many workers of so many threads the cluster has cores for. Raises InputError if none."""
    cores = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    if actors := sum(count // threads for count in cores):
        return actors
    raise InputError(f"No machine of the cluster has {threads} cores; give fewer --threads.")


@contextmanager
def _ray(address: str) -> Iterator[Any]:
    """Connects to Ray or starts it, and disconnects at the end. Raises InputError if Ray cannot be used."""
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise InputError(
            "--engine ray needs the package ray; install it with `pip install -r requirements-ray.txt` in a checkout, "
            'else with `pip install "from-paper-with-tasks[ray]"`.'
        ) from error
    _check_address(address)
    logs: dict[str, Any] = {"logging_level": "error", "log_to_driver": False}
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
            f"The Ray cluster failed ({type(error).__name__}). Check that project and model have the same path on all "
            "machines; Ray's logs in /tmp/ray say more."
        ) from error
    finally:
        ray.shutdown()


def _check_address(address: str) -> None:
    """Raises InputError at once if nothing listens there; Ray itself would try for a minute."""
    if address in (LOCAL, "auto"):
        return
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, ValueError, OverflowError) as error:
        raise InputError(f"--address {address}: no Ray cluster answers there; give host:port, or auto.") from error


class _Problems:
    """The list of rows that could not be tagged; the file is created with its first line."""

    def __init__(self, path: RemotePath) -> None:
        self._path = path
        self._file: Any = None

    def __enter__(self) -> "_Problems":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def write(self, lines: str) -> None:
        if not lines:
            return
        with partitions.storage_errors(self._path.name, "written"):
            if self._file is None:
                self._file = self._path.system.open_output_stream(self._path.path)
                self._file.write(b"file,row,column,reason\n")
            self._file.write(lines.encode("utf-8", "replace"))
