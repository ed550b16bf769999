import csv
import subprocess
import sys
from importlib.util import find_spec

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from paper_tasks.errors import InputError
from paper_tasks.io.rows import TAG_COLUMNS
from paper_tasks.tagger.classifier import TaskClassifier
from paper_tasks.tagging.options import ModelOptions, TagOptions
from paper_tasks.tagging.ray import cluster, partitions
from paper_tasks.tagging.tag_file import column_types, tag_file
from tests import ROOT
from tests.stub import StubClassifier

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray: pip install -r requirements-ray.txt")
MODEL_OPTIONS = ModelOptions()


def write(path, rows, first=0, **more):
    """Invented papers in row groups of 70; one of every fifty has no words."""
    numbers = range(first, first + rows)
    columns = {
        "id": [*numbers],
        "title": ["" if n % 50 == 7 else f"Study {n}" for n in numbers],
        "abstract": [None if n % 50 == 7 else f"Pedestrian detection in rain of {n % 97} mm, {n}." for n in numbers],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns | more), path, row_group_size=70)
    return path


@pytest.fixture(scope="module")
def machines():
    """A Ray cluster: a head without cores, on which nothing runs, and two machines with one core each."""
    from ray.cluster_utils import Cluster

    small = {"object_store_memory": 80_000_000, "include_dashboard": False}
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
    workers = [nodes.add_node(num_cpus=1, object_store_memory=80_000_000) for _ in range(2)]
    nodes.wait_for_nodes()
    yield nodes, workers
    nodes.shutdown()


def local(files, folder, options=None):
    """The tables that the local engine writes for the files, concatenated."""
    classifier, tables = TaskClassifier.load(), []
    for number, file in enumerate(files):
        tag_file(file, folder / f"{number}.parquet", classifier, options)
        tables.append(pq.read_table(folder / f"{number}.parquet"))
    return pa.concat_tables(tables)


def read(folder):
    return pa.concat_tables([pq.read_table(path) for path in sorted(folder.glob("part-*.parquet"))])


@needs_ray
@pytest.mark.slow
def test_the_output_is_the_local_engines_row_for_row(tmp_path, machines):
    files = [write(tmp_path / "in" / "a.parquet", 230), write(tmp_path / "in" / "more" / "b.parquet", 90, first=230)]
    write(tmp_path / "in" / "_temporary.parquet", 10)
    options, nodes = TagOptions(top_k=3, all_scores=True), set()
    summary = cluster.tag_folder(
        str(tmp_path / "in"),
        (tmp_path / "out").as_uri(),
        MODEL_OPTIONS,
        options,
        machines[0].address,
        partition_rows=50,
        on_result=lambda result: nodes.add(result.node),
    )
    assert read(tmp_path / "out").equals(local(files, tmp_path, options))
    assert nodes == {node.node_id for node in machines[1]}
    assert (summary.tagged, summary.problems) == (313, 7)
    assert summary.reasons == (tmp_path / "out.problems.csv").as_uri()
    with (tmp_path / "out.problems.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["file", "row", "column", "reason"]
    expected = [("a.parquet", n + 1) for n in range(7, 230, 50)] + [("more/b.parquet", n - 229) for n in (257, 307)]
    assert [(name, int(row)) for name, row, *_ in rows] == expected
    assert {reason for *_, reason in rows} == {"has no words in title and abstract"}
    assert (tmp_path / "out" / partitions.SUCCESS).exists() and not list((tmp_path / "out").glob(".part*"))


@needs_ray
@pytest.mark.slow
def test_bad_input_gets_one_sentence_and_nothing_is_lost(tmp_path, machines):
    def assert_error(words, source, output="out", model_options=MODEL_OPTIONS, address=machines[0].address, **options):
        with pytest.raises(InputError, match=words):
            cluster.tag_folder(
                str(tmp_path / source), str(tmp_path / output), model_options, address=address, **options
            )

    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "a.csv").write_text("title\nA\n", encoding="utf-8")
    assert_error("holds no .parquet file", "csv")
    assert_error("does not exist", "absent")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "a.parquet").write_bytes(b"PAR1 no more PAR1")
    assert_error(r"damaged/a\.parquet cannot be read", "damaged")
    pq.write_table(pa.table({"name": ["A"]}), tmp_path / "names.parquet")
    assert_error("no column 'title' or 'abstract'; its columns are: name", "names.parquet")
    write(tmp_path / "two" / "a.parquet", 5)
    write(tmp_path / "two" / "b.parquet", 5, year=[2024] * 5)
    assert_error(r"two/b\.parquet has other columns than .*two/a\.parquet", "two")
    source = write(tmp_path / "in" / "a.parquet", 5).parent
    assert_error("lies in the input itself", source, "in/out")
    assert_error("holds the input", source / "a.parquet", "in", overwrite=True)
    assert_error("no Ray cluster answers", source, address="127.0.0.1:1")
    assert_error("No machine of the cluster has 2 cores; give fewer --threads", source, model_options=ModelOptions(2))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious", encoding="utf-8")
    assert_error("holds other files", source, "mine")
    assert_error(r"thesis\.txt is no part of an earlier run", source, "mine", overwrite=True)
    assert (tmp_path / "mine" / "thesis.txt").exists() and not (tmp_path / "out").exists()


@needs_ray
@pytest.mark.slow
def test_the_command_starts_a_cluster_of_its_own(tmp_path):
    write(tmp_path / "in" / "a.parquet", 20)
    command = [sys.executable, "-m", "paper_tasks", "tag", tmp_path / "in", "-o", tmp_path / "out", "--engine", "ray"]
    for more, code, words in [
        (["--resume"], 2, "--engine ray has no --resume"),
        ([], 0, "19 papers tagged in"),
        ([], 2, "exists already; --overwrite replaces"),
    ]:
        run = subprocess.run([*command, *more], cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert run.returncode == code and words in run.stdout + run.stderr, run.stderr
        assert "Traceback" not in run.stderr and len(run.stderr.splitlines()) < 3, run.stderr


def test_a_partition_has_both_levels(tmp_path):
    """What a worker writes, without a cluster."""
    source, target = (partitions.RemotePath.parse(str(tmp_path / name)) for name in ("in", "out"))
    write(tmp_path / "in" / "a.parquet", 20)
    found, schema = partitions.find_partitions(source, rows=10)
    partitions.start_run(source, target, overwrite=False)
    worker = cluster.Worker.__new__(cluster.Worker)
    worker._node, worker._options, worker._classifier = "", TagOptions(), StubClassifier(fits_threshold=0.5)
    worker._source, worker._output = source, target
    worker._schema = pa.schema(column_types(schema, [*TAG_COLUMNS]).items())
    assert [worker._tag(partition).tagged for partition in found] == [9, 10]
    tag_file(tmp_path / "in" / "a.parquet", tmp_path / "local.parquet", worker._classifier)
    written = read(tmp_path / "out")
    assert written.equals(pq.read_table(tmp_path / "local.parquet")) and any(written["also_tasks"].to_pylist())


@pytest.mark.parametrize("as_uri", [False, True])
def test_an_output_that_is_a_link_to_the_input_is_refused(tmp_path, as_uri):
    source, link = write(tmp_path / "in" / "part-000000-0000000000.parquet", 5), tmp_path / "out"
    link.symlink_to(source.parent)
    paths = [
        partitions.RemotePath.parse(path.as_uri() if as_uri else str(path)) for path in (source.parent, source, link)
    ]
    for origin, target, words in [
        (paths[0], paths[2], "lies in the input itself"),
        (paths[0], paths[2] / "deeper", "lies in the input itself"),
        (paths[1], paths[2], "holds the input"),
        (paths[2], paths[0], "lies in the input itself"),
    ]:
        with pytest.raises(InputError, match=words):
            partitions.start_run(origin, target, overwrite=True)
    assert source.exists()


def test_without_ray_it_says_what_to_install(tmp_path, monkeypatch):
    write(tmp_path / "in" / "a.parquet", 5)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install -r requirements-ray\.txt"):
        cluster.tag_folder(str(tmp_path / "in"), str(tmp_path / "out"), MODEL_OPTIONS)
    assert not (tmp_path / "out").exists()


# The last test, because it kills a machine of the cluster.
@needs_ray
@pytest.mark.slow
def test_a_machine_killed_in_the_middle_costs_no_row(tmp_path, machines):
    nodes, (victim, _) = machines
    source, results = write(tmp_path / "in" / "a.parquet", 1600), []
    killed_after = []

    def on_result(result):
        results.append(result)
        if result.node == victim.node_id and not killed_after:
            nodes.remove_node(victim, allow_graceful=False)
            killed_after.append(len(results))

    cluster.tag_folder(
        str(source), str(tmp_path / "out"), MODEL_OPTIONS, address=nodes.address, partition_rows=40, on_result=on_result
    )
    assert len(results) == 40 and killed_after[0] < 30
    # The dead machine had finished partitions; another machine repeated the one it was working on.
    assert any(result.node == victim.node_id for result in results) and results[-1].node != victim.node_id
    assert read(tmp_path / "out").equals(local([source], tmp_path))
