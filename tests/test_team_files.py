"""The files that a team works by: the checks before a commit, and those of the server."""

import re
import shlex

import yaml

from tests import ROOT


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def targets():
    return set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))


def test_ci_runs_targets_and_tests_that_exist():
    jobs = yaml.safe_load(read(".github/workflows/ci.yml"))["jobs"]
    assert {entry["target"] for entry in jobs["checks"]["strategy"]["matrix"]["include"]} <= targets()
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    for command in commands:
        for word in shlex.split(command):
            if word.startswith(("tests/", "requirements", "deployment/")):
                assert (ROOT / word).exists(), word


def test_ci_tries_each_python_that_the_wheel_names():
    named = re.findall(r"Programming Language :: Python :: (3\.\d+)", read("pyproject.toml"))
    jobs = yaml.safe_load(read(".github/workflows/ci.yml"))["jobs"]
    assert jobs["build"]["strategy"]["matrix"]["python"] == named


def test_the_hooks_run_the_tools_of_make_lint():
    hooks = {
        hook["id"]: hook for repo in yaml.safe_load(read(".pre-commit-config.yaml"))["repos"] for hook in repo["hooks"]
    }
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", read("Makefile"), re.MULTILINE)[1]
    assert "ruff check" in lint and "ruff format" in lint and "mypy" in lint
    for name in ("ruff-check", "ruff-format", "mypy"):
        assert hooks[name]["entry"].startswith(".venv/bin/")
    excluded = hooks["large-files"]["exclude"]
    limit = 1000 * int(re.search(r"--maxkb=(\d+)", hooks["large-files"]["entry"])[1])
    large = [
        path.relative_to(ROOT).as_posix()
        for folder in ("deployment", "json_files", "results", "notebooks", "docs", "csv_files/sample_papers.csv")
        for path in [ROOT / folder, *(ROOT / folder).rglob("*")]
        if path.is_file() and path.stat().st_size > limit
    ]
    assert [name for name in large if not re.search(excluded, name)] == []


def test_every_target_has_a_line_in_make_help():
    described = set(re.findall(r"^([a-z-]+):.*  ## ", read("Makefile"), re.MULTILINE))
    assert targets() - described == {"space-name"}
