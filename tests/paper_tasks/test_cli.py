import json
import shutil
import subprocess
import sys
from functools import cache, partial

import pytest

from paper_tasks import cli, entry
from paper_tasks.tagger.classifier import TaskClassifier
from paper_tasks.tagger.config import ENCODER_TOKENS
from paper_tasks.training.options import PretrainOptions, TrainOptions
from tests import ROOT
from tests.stub import StubClassifier

# A model is loaded once for all tests here.
load = cache(TaskClassifier.load)


@pytest.fixture
def run(run_main, monkeypatch):
    """Runs the command line with these arguments, in this process; returns exit code and output."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(TaskClassifier, "load", load)
    return partial(run_main, cli.main)


def assert_one_sentence(done, *words):
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    for word in words:
        assert str(word) in done.stderr


@pytest.mark.parametrize(
    "command", ["", *(command.name or command.callback.__name__ for command in cli.app.registered_commands)]
)
def test_help(run, command):
    done = run(*command.split(), "--help")
    assert done.returncode == 0 and "--help" in done.stdout
    if command:
        assert "Example: paper-tasks" in done.stdout


def test_it_is_a_program_whose_help_loads_no_large_package():
    script = (
        "import atexit, sys\n"
        "large = {'torch', 'transformers', 'pandas', 'pyarrow', 'sklearn', 'gradio', 'ray', 'numpy', 'onnxruntime'}\n"
        "atexit.register(lambda: print(large & sys.modules.keys()))\n"
        "import runpy\nrunpy.run_module('paper_tasks', run_name='__main__')"
    )
    for command in ([], ["tag"], ["train"]):
        run = subprocess.run(
            [sys.executable, "-c", script, *command, "--help"], cwd=ROOT, capture_output=True, text=True
        )
        assert run.returncode == 0 and "Usage: paper-tasks" in run.stdout, run.stderr
        assert run.stdout.splitlines()[-1] == "set()"


def test_the_defaults_of_the_options_are_those_of_the_models():
    assert PretrainOptions().max_length == TrainOptions().max_length == ENCODER_TOKENS
    notebook = (ROOT / "notebooks" / "02_finetune.ipynb").read_text(encoding="utf-8")
    assert f"max_length = {ENCODER_TOKENS} " in notebook


def test_tag_one_paper(run):
    done = run("tag", "--title", "Faster pedestrian detection", "--abstract", "A detector for street scenes.", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer.keys() == {"tasks", "topics"} and answer["topics"] == []
    tags = answer["tasks"]
    assert tags[0].keys() == {"task", "probability", "level", "area"}
    assert all(tag["probability"] == round(tag["probability"], 4) for tag in tags)
    assert "Pedestrian Detection" in [tag["task"] for tag in tags]
    assert [tag["probability"] for tag in tags] == sorted((tag["probability"] for tag in tags), reverse=True)
    done = run("tag", "--title", "Faster pedestrian detection")
    assert not done.stderr
    assert "Pedestrian Detection  (computer vision)" in done.stdout
    done = run("tag", "--title", "夜間の歩行者検出")
    assert done.returncode == 0 and done.stderr.startswith("warning: This text does not look like English")


def test_tag_one_paper_at_both_levels(run, monkeypatch):
    stub = StubClassifier(fits_threshold=0.5)
    monkeypatch.setattr(stub, "topics", lambda title, abstract: ["SSIM", "Anatomy"])
    monkeypatch.setattr(TaskClassifier, "load", lambda *_, **__: stub)
    done = run("tag", "--title", "Paper 3")
    lines = [line.split("  ")[0] for line in done.stdout.splitlines()]
    assert lines == ["Works on", "Also", "Also", "Topics"] and done.stdout.endswith("SSIM, Anatomy\n")
    assert {line.index("0.") for line in done.stdout.splitlines()[:3]} == {10}
    answer = json.loads(run("tag", "--title", "Paper 3", "--json").stdout)
    assert [tag["level"] for tag in answer["tasks"]] == ["main", "ok", "ok"] and answer["topics"] == ["SSIM", "Anatomy"]
    assert len(run("tag", "--title", "Paper 3", "--top-k", "1").stdout.splitlines()) == 2


def test_tag_imports_nothing_that_it_does_not_use(tmp_path):
    (tmp_path / "in.csv").write_text("title\nImage captioning\n", encoding="utf-8")
    script = (
        "import sys\nfrom paper_tasks.cli import app\n"
        "app(['tag', '--title', 'Image captioning'], standalone_mode=False)\n"
        f"app(['tag', {str(tmp_path / 'in.csv')!r}, '-o', {str(tmp_path / 'out.jsonl')!r}], standalone_mode=False)\n"
        "unused = ('torch', 'transformers', 'fastai', 'pandas', 'pyarrow', 'requests', 'gradio')\n"
        "print([name for name in unused if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (tmp_path / "out.jsonl").exists() and done.stdout.splitlines()[-1] == "[]", done


def test_tag_a_table(run, tmp_path):
    source = tmp_path / "in.csv"
    source.write_text("title,abstract\nA,We caption images.\nbroken\n", encoding="utf-8")
    done = run("tag", source, "--output", tmp_path / "out.jsonl")
    assert done.returncode == 0 and "1 papers tagged" in done.stdout
    problems = tmp_path / "out.problems.csv"
    assert done.stderr == f"warning: 1 row of {source} could not be tagged; {problems} says which and why.\n"
    assert "3,,has 1 cells where the header has 2" in problems.read_text(encoding="utf-8")
    assert "Image Captioning" in json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))["predicted_tasks"]


@pytest.mark.parametrize("name", ["out.parquet", "out.csv.zst"])
def test_a_package_that_is_not_installed_gets_one_sentence(tmp_path, monkeypatch, capsys, name):
    """As after `make demo`, which brings neither."""
    (tmp_path / "in.csv").write_text("title\nImage captioning\n", encoding="utf-8")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SystemExit) as ended, entry.one_sentence_errors():
        cli.app(["tag", str(tmp_path / "in.csv"), "-o", str(tmp_path / name)], standalone_mode=False)
    assert ended.value.code == 2 and [path.name for path in tmp_path.iterdir()] == ["in.csv"]
    assert capsys.readouterr().err == (
        "error: This needs the package pyarrow, which is not installed; run `make install`.\n"
    )


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["tag"], "Give either a table"),
        (["tag", "in.csv", "-o", "out.csv", "--json"], "--json is for one paper"),
        (["tag", "in.csv"], "in.tagged.csv"),
        (["tag", "--title", " \u200b\t"], "no words"),
        (["tag", "--title", "A", "--model", "absent"], "absent"),
        (["tag", "--title", "A", "--output", "a.csv"], "need a table"),
        (["tag", "in.csv", "-o", "out.csv", "--resume", "--overwrite"], "give one of them"),
        (["prepare", "csv_files/sample_papers.csv", "--min-papers", "5", "--output", "README.md"], "README.md"),
        (["tag", "absent.csv", "--output", "out.csv"], "absent.csv does not exist"),
        (["match", "absent.csv", "--output", "out.csv"], "absent.csv does not exist"),
        (["label", "absent.csv", "--output", "out.jsonl"], "absent.csv does not exist"),
        (["label", "csv_files/sample_papers.csv", "--output", "README.md"], "ends in .jsonl"),
        (["prepare"], "Give one table"),
        (["prepare", "a.csv", "--positives", "b.csv"], "--positives go beside --read-labels"),
        (["prepare", "--read-labels", "absent.csv"], "absent.csv does not exist"),
        (["prepare", "--read-labels", "csv_files/read_labels", "--seed", "3"], "--seed does not go with"),
        (["prepare", "absent.csv"], "absent.csv does not exist"),
        (["train", "--prepared", "absent"], "absent"),
        (["average", "absent", "deployment"], "absent is no trained model"),
        (["export", "--model", "absent"], "absent"),
        (["evaluate", "--prepared", "absent"], "absent"),
        (["evaluate", "--model", "deployment"], "NAME=FOLDER"),
    ],
)
def test_bad_input_gets_one_sentence(run, arguments, words):
    assert_one_sentence(run(*arguments), words)


def test_a_damaged_model_gets_one_sentence(run, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(ROOT / "deployment" / "model", folder)
    onnx = folder / "paper_task_classifier_quantized.onnx"
    onnx.write_bytes(onnx.read_bytes()[:1_000_000])
    assert_one_sentence(run("tag", "--title", "A", "--model", folder), onnx.name, folder)


@pytest.mark.parametrize(
    "text",
    [
        "\ud800 lone",
        "<p>image captioning</p>",
        r"$\mathcal{L}_{adv}$ loss",
        "\x00\x1b[31mred",
        "物体検出の研究",
        "x" * 1_000_000,
    ],
    ids=["surrogate", "html", "latex", "control", "japanese", "megabyte"],
)
def test_odd_text_is_tagged_or_refused_in_a_sentence(run, tmp_path, text):
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps({"title": text}) + "\n", encoding="utf-8")
    done = run("tag", source, "--output", tmp_path / "out.csv")
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr


def test_match_and_prepare_on_a_sample(run, tmp_path):
    source = tmp_path / "papers.csv"
    rows = [f"Paper {n},We study {('image captioning', 'speech synthesis')[n % 2]} number {n}." for n in range(120)]
    source.write_text("title,abstract\n" + "\n".join(rows) + "\n", encoding="utf-8")
    done = run("match", source, "--output", tmp_path / "matched.csv")
    assert done.returncode == 0 and "120 papers got a task" in done.stdout, done.stderr
    assert_one_sentence(run("match", source, "--output", tmp_path / "matched.csv"), "exists already")
    done = run("prepare", source, "--output", tmp_path / "prepared")
    assert done.returncode == 0 and "120 papers read" in done.stdout, done.stderr
    assert len(list((tmp_path / "prepared").glob("*.csv"))) == 3


def test_prepare_on_read_labels_of_ones_own(run, tmp_path):
    rows = [f"Paper {n},We study looms number {n}.,Weaving,Image Captioning" for n in range(60)]
    table = tmp_path / "mine.csv"
    table.write_text("title,abstract,main,ok\n" + "\n".join(rows) + "\n", encoding="utf-8")
    done = run("prepare", "--read-labels", table, "--output", tmp_path / "prepared")
    assert done.returncode == 0, done.stderr
    assert "60 labels read, 60 with an abstract" in done.stdout
    assert "Not in the vocabulary: Weaving. So a model of these papers knows their 2 tasks" in done.stdout
