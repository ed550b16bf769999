import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from paper_tasks.errors import InputError
from paper_tasks.tagging.ray import partitions
from paper_tasks.tagging.ray.partitions import RemotePath


@pytest.fixture
def folders(tmp_path):
    """A folder with one file of two rows, and a folder to write to."""
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"title": ["A", "B"]}), tmp_path / "in" / "a.parquet")
    return RemotePath.parse(str(tmp_path / "in")), RemotePath.parse(str(tmp_path / "out"))


def write(source, output, schema, found):
    for partition in found:
        partitions.write_partition(
            output, partition, schema, [[row.values for row in partitions.read_partition(source, partition)]]
        )


def test_only_the_run_that_owns_the_folder_can_finish(tmp_path, folders):
    source, output = folders
    found, schema = partitions.find_partitions(source, rows=1)
    first = partitions.start_run(source, output, overwrite=False)
    write(source, output, schema, found[:1])
    second = partitions.start_run(source, output, overwrite=True)
    # The second run removed the first one's partition; the first run continues, and neither is complete.
    write(source, output, schema, found[1:])
    for run in (first, second):
        with pytest.raises(InputError, match="out has changed during this run: another run started there"):
            partitions.finish_run(output, run, found)
    write(source, output, schema, found[:1])
    with pytest.raises(InputError, match="another run started there"):
        partitions.finish_run(output, first, found)
    assert not (tmp_path / "out" / partitions.SUCCESS).exists()
    partitions.finish_run(output, second, found)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        partitions.SUCCESS,
        *(partition.name for partition in found),
    }


def test_a_list_of_problems_is_only_replaced_with_overwrite(tmp_path, folders):
    problems = tmp_path / "out.problems.csv"
    problems.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"out\.problems\.csv exists already; move it away, or .* --overwrite"):
        partitions.start_run(*folders, overwrite=False)
    assert problems.exists() and not (tmp_path / "out").exists()
    partitions.start_run(*folders, overwrite=True)
    assert not problems.exists()


def test_files_with_other_columns_than_the_first_are_refused(tmp_path, folders):
    def assert_error(words, **columns):
        pq.write_table(pa.table(columns), tmp_path / "in" / "b.parquet")
        with pytest.raises(InputError, match=rf"in/b\.parquet has other columns than .*in/a\.parquet \({words}\); put"):
            partitions.find_partitions(folders[0])

    assert_error("'title' is int64, elsewhere string", title=[1])
    assert_error("from 'year' on", title=["A"], year=[2024])
    assert_error("from 'name' on", name=["A"])


def test_a_column_that_is_empty_in_one_file_has_the_type_of_the_others(tmp_path):
    for name, years in (("a", [None]), ("b", [2024]), ("c", [None])):
        pq.write_table(pa.table({"title": ["A"], "year": years}), tmp_path / f"{name}.parquet")
    found, schema = partitions.find_partitions(RemotePath.parse(str(tmp_path)))
    assert len(found) == 3 and schema.field("year").type == pa.int64()
    pq.write_table(pa.table({"title": ["A"], "year": ["2024"]}), tmp_path / "d.parquet")
    with pytest.raises(InputError, match="'year' is string, elsewhere int64"):
        partitions.find_partitions(RemotePath.parse(str(tmp_path)))
