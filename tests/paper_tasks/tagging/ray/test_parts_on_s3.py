"""Parts behind s3://, on a server of moto's on loopback that speaks S3's protocol."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer

from paper_tasks.errors import InputError
from paper_tasks.tagging.ray import parts
from paper_tasks.tagging.ray.parts import RemotePath


@pytest.fixture
def bucket(monkeypatch):
    """A way to name what is in a bucket that holds two Parquet files."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    _, port = server.get_host_and_port()

    def place(path):
        return RemotePath.of(f"s3://{path}?scheme=http&endpoint_override=127.0.0.1:{port}&allow_bucket_creation=true")

    made = place("papers")
    made.system.create_dir(made.path)
    for number in range(2):
        with made.system.open_output_stream(f"papers/in/{number}.parquet") as raw:
            pq.write_table(pa.table({"title": [f"{number}.{row}" for row in range(5)]}), raw, row_group_size=2)
    yield place
    server.stop()


def test_what_is_read_and_written_there(bucket):
    source, output = bucket("papers/in"), bucket("papers/out")
    found, schema = parts.find_parts(source, part_rows=3)
    run = parts.begin(source, output, overwrite=False)
    for part in found:
        rows = [row.values for row in parts.read_part(source, part)]
        parts.write_part(output, part, schema, [rows])
    parts.end(output, run, found)
    written = sorted(entry.path for entry in output.system.get_file_info(parts.fs.FileSelector(output.path)))
    assert written == [f"papers/out/{name}" for name in [parts.DONE, *(part.name for part in found)]]
    titles = [row for path in written[1:] for row in pq.read_table(path, filesystem=output.system)["title"].to_pylist()]
    assert titles == [f"{number}.{row}" for number in range(2) for row in range(5)]
    with pytest.raises(InputError, match="exists already; --overwrite"):
        parts.begin(source, output, overwrite=False)
    run = parts.begin(source, output, overwrite=True)
    found = output.system.get_file_info(parts.fs.FileSelector(output.path))
    assert [entry.base_name for entry in found] == [run]
    with pytest.raises(InputError, match="parts of a run that broke off; --overwrite"):
        parts.begin(source, output, overwrite=False)


def test_what_is_not_there_is_told_by_its_name(bucket):
    for path, reason in (("papers/none", "does not exist"), ("nowhere/in", "does not exist|cannot be read")):
        with pytest.raises(InputError, match=f"s3://{path}.*({reason})"):
            parts.find_parts(bucket(path))
