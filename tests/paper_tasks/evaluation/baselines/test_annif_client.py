"""With a program that takes Annif's commands; and with Annif itself, if `make annif` has installed it."""

import stat
import sys

import numpy as np
import pytest

from paper_tasks.errors import InputError
from paper_tasks.evaluation.baselines import annif_client
from paper_tasks.evaluation.baselines.annif_client import Annif

LABELS = ["Image Captioning", "Atari Games", "Speech Recognition"]
TEXTS = ["photographs described in sentences", "rewards on old consoles", "speakers transcribed into words"]
# Suggests the labels of the training paper with the same first word.
STAND_IN = """#!{python}
import json, pathlib, sys
command, *arguments = sys.argv[1:]
memory = pathlib.Path("memory.json")
if command == "load-vocab":
    assert pathlib.Path(arguments[1]).read_text().splitlines()[0] == "uri,label_en"
elif command == "train":
    rows = [line.rstrip("\\n").split("\\t") for line in open(arguments[1])]
    memory.write_text(json.dumps({{text.split()[0]: [uri[1:-1] for uri in uris.split()] for text, uris in rows}}))
elif command == "optimize":
    print("Best  Precision (doc avg): 0.9\\tLimit: 1\\tThreshold: 0.90")
    print("Best   F1 score (doc avg): 0.8\\tLimit: 2\\tThreshold: 0.30")
elif command == "index":
    known = json.loads(memory.read_text())
    with open(arguments[arguments.index("--output") + 1], "w") as file:
        for line in open(arguments[1]):
            uris = known.get(line.split()[0], [])
            file.write(json.dumps({{"results": [{{"uri": uri, "score": 0.75}} for uri in uris]}}) + "\\n")
else:
    sys.exit(f"no such command\\n{{command}}?")
"""


@pytest.fixture
def stand_in(tmp_path):
    program = tmp_path / "annif"
    program.write_text(STAND_IN.format(python=sys.executable), encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_what_goes_to_annif_and_what_comes_back(stand_in):
    truth = np.array([[1, 0, 0], [0, 1, 1], [0, 0, 1]])
    with Annif(LABELS, stand_in) as project:
        project.train(TEXTS, truth)
        assert project.optimize(TEXTS, truth) == (2, 0.3)
        scores = project.scores(["rewards\twith a tab\nand a line", "never seen"])
    assert scores.tolist() == [[-np.inf, 0.75, 0.75], [-np.inf] * 3]


def test_a_kept_project_is_found_through_its_environment(stand_in, tmp_path):
    with Annif(LABELS, stand_in) as project:
        project.train(TEXTS, np.eye(3, dtype=int))
        project.keep(tmp_path / "kept")
    found = annif_client.environment(tmp_path / "kept")
    assert (tmp_path / "kept" / "memory.json").is_file() and not [*(tmp_path / "kept").glob("*.tsv")]
    with open(found["ANNIF_PROJECTS"], encoding="utf-8") as projects:
        assert projects.read() == annif_client.PROJECT


def test_its_last_line_is_in_the_error(stand_in):
    with Annif(LABELS, stand_in) as project, pytest.raises(InputError, match=r"`nonsense` failed: nonsense\?"):
        project._run("nonsense")


@pytest.mark.slow
@pytest.mark.skipif(not annif_client.PROGRAM.is_file(), reason="`make annif` has not installed it")
def test_annif_itself_learns():
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 3, 60)
    texts = [f"{TEXTS[kind]} number {index}" for index, kind in enumerate(kinds)]
    truth = np.eye(3, dtype=np.int64)[kinds]
    with Annif(LABELS) as project:
        project.train(texts, truth)
        limit, threshold = project.optimize(texts, truth)
        scores = project.scores(TEXTS)
    assert limit >= 1 and 0 <= threshold <= 1
    assert scores.argmax(axis=1).tolist() == [0, 1, 2]
