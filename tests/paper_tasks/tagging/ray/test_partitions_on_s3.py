"""Partitions on s3://: moto serves S3's protocol on loopback."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer

from paper_tasks.errors import InputError
from paper_tasks.tagging.ray import partitions
from paper_tasks.tagging.ray.partitions import RemotePath


@pytest.fixture
def bucket(monkeypatch):
    """A function from a path to its RemotePath, on a server whose bucket `papers` holds two Parquet files."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    _, port = server.get_host_and_port()

    def remote(path):
        return RemotePath.parse(
            f"s3://{path}?scheme=http&endpoint_override=127.0.0.1:{port}&allow_bucket_creation=true"
        )

    made = remote("papers")
    made.system.create_dir(made.path)
    for number in range(2):
        with made.system.open_output_stream(f"papers/in/{number}.parquet") as raw:
            pq.write_table(pa.table({"title": [f"{number}.{row}" for row in range(5)]}), raw, row_group_size=2)
    yield remote
    server.stop()


def test_partitions_are_read_and_written(bucket):
    source, output = bucket("papers/in"), bucket("papers/out")
    found, schema = partitions.find_partitions(source, rows=3)
    run = partitions.start_run(source, output, overwrite=False)
    for partition in found:
        rows = [row.values for row in partitions.read_partition(source, partition)]
        partitions.write_partition(output, partition, schema, [rows])
    partitions.finish_run(output, run, found)
    written = sorted(entry.path for entry in output.system.get_file_info(partitions.fs.FileSelector(output.path)))
    assert written == [f"papers/out/{name}" for name in [partitions.SUCCESS, *(partition.name for partition in found)]]
    titles = [row for path in written[1:] for row in pq.read_table(path, filesystem=output.system)["title"].to_pylist()]
    assert titles == [f"{number}.{row}" for number in range(2) for row in range(5)]
    with pytest.raises(InputError, match="exists already; --overwrite"):
        partitions.start_run(source, output, overwrite=False)
    run = partitions.start_run(source, output, overwrite=True)
    found = output.system.get_file_info(partitions.fs.FileSelector(output.path))
    assert [entry.base_name for entry in found] == [run]
    with pytest.raises(InputError, match="parts of an interrupted run; --overwrite"):
        partitions.start_run(source, output, overwrite=False)


def test_a_missing_path_is_reported_by_name(bucket):
    for path, reason in (("papers/none", "does not exist"), ("nowhere/in", "does not exist|cannot be read")):
        with pytest.raises(InputError, match=f"s3://{path}.*({reason})"):
            partitions.find_partitions(bucket(path))
