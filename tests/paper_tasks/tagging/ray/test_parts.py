import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from paper_tasks.errors import InputError
from paper_tasks.tagging.ray import parts
from paper_tasks.tagging.ray.parts import RemotePath


@pytest.fixture
def places(tmp_path):
    """A folder of one file that is cut into two parts, and one to write to."""
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"title": ["A", "B"]}), tmp_path / "in" / "a.parquet")
    return RemotePath.of(str(tmp_path / "in")), RemotePath.of(str(tmp_path / "out"))


def write(source, output, schema, found):
    for part in found:
        parts.write_part(output, part, schema, [[row.values for row in parts.read_part(source, part)]])


def test_only_the_run_that_has_the_folder_ends_it(tmp_path, places):
    source, output = places
    found, schema = parts.find_parts(source, part_rows=1)
    first = parts.begin(source, output, overwrite=False)
    write(source, output, schema, found[:1])
    second = parts.begin(source, output, overwrite=True)
    # The first goes on without its first part, which the second has removed, and both are not done.
    write(source, output, schema, found[1:])
    for run in (first, second):
        with pytest.raises(InputError, match="out is no longer as this run left it: another run has begun there"):
            parts.end(output, run, found)
    write(source, output, schema, found[:1])
    with pytest.raises(InputError, match="another run has begun there"):
        parts.end(output, first, found)
    assert not (tmp_path / "out" / parts.DONE).exists()
    parts.end(output, second, found)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {parts.DONE, *(part.name for part in found)}


def test_a_list_of_problems_is_not_overwritten_unasked(tmp_path, places):
    problems = tmp_path / "out.problems.csv"
    problems.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"out\.problems\.csv exists already; move it away, or .* --overwrite"):
        parts.begin(*places, overwrite=False)
    assert problems.exists() and not (tmp_path / "out").exists()
    parts.begin(*places, overwrite=True)
    assert not problems.exists()


def test_files_with_other_columns_are_told_by_the_first(tmp_path, places):
    def told(words, **columns):
        pq.write_table(pa.table(columns), tmp_path / "in" / "b.parquet")
        with pytest.raises(InputError, match=rf"in/b\.parquet has other columns than .*in/a\.parquet \({words}\); put"):
            parts.find_parts(places[0])

    told("'title' is int64, elsewhere string", title=[1])
    told("from 'year' on", title=["A"], year=[2024])
    told("from 'name' on", name=["A"])


def test_a_column_that_is_empty_in_one_file_has_the_type_of_the_others(tmp_path):
    for name, years in (("a", [None]), ("b", [2024]), ("c", [None])):
        pq.write_table(pa.table({"title": ["A"], "year": years}), tmp_path / f"{name}.parquet")
    found, schema = parts.find_parts(RemotePath.of(str(tmp_path)))
    assert len(found) == 3 and schema.field("year").type == pa.int64()
    pq.write_table(pa.table({"title": ["A"], "year": ["2024"]}), tmp_path / "d.parquet")
    with pytest.raises(InputError, match="'year' is string, elsewhere int64"):
        parts.find_parts(RemotePath.of(str(tmp_path)))
