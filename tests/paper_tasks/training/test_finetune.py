import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import torch
from fastai.callback.core import Callback
from safetensors.torch import load_file

from paper_tasks.data.read_labels import prepare_read
from paper_tasks.errors import InputError, Interrupted
from paper_tasks.training import checkpoint
from paper_tasks.training import finetune as module
from paper_tasks.training.finetune import STAGES, Progress, build_learner, freeze, train
from tests import ROOT
from tests.paper_tasks.conftest import tiny_options

# A training in a process that can be killed, with a checkpoint after every batch or two.
OFTEN = {"epochs": 3, "frozen_epochs": 2, "checkpoint_minutes": 0.001}
SCRIPT = f"""
import sys
from pathlib import Path
from paper_tasks.training.finetune import train
from tests.paper_tasks.conftest import tiny_options
prepared, backbone, output = sys.argv[1:]
train(Path(prepared), Path(output), tiny_options(backbone, **{OFTEN}))
"""


@pytest.fixture(scope="module")
def one_thread():
    """Weights are the same to the last bit for the same number of threads alone."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def undisturbed(prepared, backbone, tmp_path_factory, one_thread):
    """The folder of the training that others are killed in."""
    folder = tmp_path_factory.mktemp("undisturbed")
    train(prepared, folder, tiny_options(backbone, **OFTEN))
    return folder


def assert_same_weights(one, other):
    first, second = load_file(one / "model.safetensors"), load_file(other / "model.safetensors")
    assert first.keys() == second.keys()
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=0, atol=0)


def test_training_learns(trained):
    folder, training = trained
    history = pd.read_csv(folder / "history.csv")
    assert list(history["stage"]) == ["frozen"] + ["unfrozen"] * 6
    assert training.dev.micro_f1 > 0.85
    assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0]
    assert training.papers_seen >= 7 * 200
    assert json.loads((folder / "training.json").read_text(encoding="utf-8"))["seed"] == 22
    assert not (folder / "checkpoint").exists()


def test_nothing_is_pickled(trained):
    folder, _ = trained
    for path in folder.rglob("*"):
        # Pickles and torch's zip files start with these.
        assert not path.is_file() or path.read_bytes()[:2] not in (b"\x80\x02", b"\x80\x04", b"PK")


def test_the_frozen_stage_moves_the_head_alone(prepared, backbone):
    learn, _, model = build_learner(prepared, tiny_options(backbone), Progress())
    encoder = {name: value.clone() for name, value in model.encoder.state_dict().items()}
    head = {name: value.clone() for name, value in model.head.state_dict().items()}
    freeze(learn)
    with learn.no_bar(), learn.no_logging():
        learn.fit_one_cycle(1, 1e-2)
    assert all(torch.equal(value, encoder[name]) for name, value in model.encoder.state_dict().items())
    assert not torch.equal(model.head.whole.weight, head["whole.weight"])


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights(prepared, backbone, tmp_path):
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        train(prepared, tmp_path / name, tiny_options(backbone, epochs=1, seed=seed))
    assert_same_weights(tmp_path / "one", tmp_path / "two")
    with pytest.raises(AssertionError):
        assert_same_weights(tmp_path / "one", tmp_path / "three")


@pytest.mark.slow
def test_a_budget_ends_the_training_with_its_cycle_complete(prepared, backbone, tmp_path):
    options = tiny_options(backbone, epochs=10_000, budget_minutes=0.05)
    training = train(prepared, tmp_path, options)
    assert training.minutes <= 0.3 and training.papers_seen > 0


@pytest.mark.parametrize("resume", [False, True])
def test_a_finished_training_is_not_overwritten_unasked(trained, prepared, backbone, resume):
    with pytest.raises(InputError, match="finished training: --overwrite"):
        train(prepared, trained[0], tiny_options(backbone), resume=resume)


def test_a_training_that_broke_off_is_not_overwritten_unasked(prepared, backbone, tmp_path):
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "state.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="--resume continues it"):
        train(prepared, tmp_path, tiny_options(backbone))


def test_a_training_starts_from_an_earlier_one(trained, prepared, backbone, tmp_path):
    folder, earlier = trained
    options = tiny_options(backbone, epochs=1, start_from=str(folder), seed=23)
    _, _, model = build_learner(prepared, options, Progress())
    weights = load_file(folder / "model.safetensors")
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, weights[name], rtol=0, atol=0)

    training = train(prepared, tmp_path / "more", options)
    assert training.runs == 2 and training.papers_seen > earlier.papers_seen
    assert training.dev.micro_f1 > 0.85
    assert str(folder) not in (tmp_path / "more" / "training.json").read_text(encoding="utf-8")


def test_a_training_does_not_start_from_what_does_not_fit(trained, prepared, backbone, tmp_path):
    with pytest.raises(InputError, match="no trained model"):
        build_learner(prepared, tiny_options(backbone, start_from=str(tmp_path)), Progress())
    with pytest.raises(InputError, match="another backbone"):
        build_learner(prepared, tiny_options("minilm", start_from=str(trained[0])), Progress())


@pytest.fixture(scope="module")
def prepared_own(tmp_path_factory):
    """A user's own table of read labels, with a task outside the vocabulary, after `prepare`."""
    folder = tmp_path_factory.mktemp("own")
    kinds = [("Weaving", "looms"), ("Image Captioning", "photographs"), ("", "nothing")]
    rows = [f"Paper {n} on {kinds[n % 3][1]},We study them.,{kinds[n % 3][0]},Knitting" for n in range(60)]
    (folder / "mine.csv").write_text("title,abstract,main,ok\n" + "\n".join(rows) + "\n", encoding="utf-8")
    prepare_read([], [folder / "mine.csv"], folder)
    return folder


def test_a_table_of_ones_own_labels_can_be_trained_on(prepared_own, backbone):
    learn, _, model = build_learner(prepared_own, tiny_options(backbone), Progress())
    assert model.labels == ["Image Captioning", "Knitting", "Weaving"]
    with learn.no_bar(), learn.no_logging():
        (loss, *_) = learn.validate()
    assert 0 < loss < 100


@pytest.mark.slow
def test_a_training_on_ones_own_labels_learns_them(prepared_own, backbone, tmp_path):
    train(prepared_own, tmp_path, tiny_options(backbone, epochs=8))
    scores = json.loads((tmp_path / "training.json").read_text(encoding="utf-8"))["dev"]
    assert scores["micro_f1"] > 0.5


def test_papers_that_all_have_the_same_tasks_are_refused(prepared, backbone, tmp_path):
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    (tmp_path / "labels.json").write_text('["Object Detection"]', encoding="utf-8")
    papers = pd.read_csv(tmp_path / "train.csv", keep_default_na=False)
    papers.assign(tasks='["Object Detection"]').to_csv(tmp_path / "train.csv", index=False)
    with pytest.raises(InputError, match="every paper has all 1 tasks"):
        build_learner(tmp_path, tiny_options(backbone))


@pytest.mark.slow
def test_a_training_killed_while_words_are_fitted_only_fits_them_again(prepared, backbone, tmp_path, monkeypatch):
    options = tiny_options(backbone, epochs=1)
    train(prepared, tmp_path / "undisturbed", options)

    def killed(*_):
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(module, "fit_words", killed)
        train(prepared, tmp_path / "killed", options)
    with monkeypatch.context() as patch:
        patch.setattr(module, "_run_stage", killed)
        train(prepared, tmp_path / "killed", options, resume=True)
    assert_same_weights(tmp_path / "killed", tmp_path / "undisturbed")


@pytest.mark.slow
def test_an_interrupted_training_says_how_to_continue(prepared, backbone, tmp_path):
    class Impatient(Callback):
        def after_batch(self):
            if self.training and self.learn.time_budget.progress.step == 3:
                os.kill(os.getpid(), signal.SIGINT)

    options = tiny_options(backbone, epochs=1)
    with pytest.raises(Interrupted, match=rf"^--resume continues from {tmp_path / 'checkpoint'}\.$"):
        train(prepared, tmp_path, options, callbacks=[Impatient()])
    assert checkpoint.load_state(tmp_path / "checkpoint")["progress"]["step"] == 4
    assert train(prepared, tmp_path, options, resume=True).papers_seen > 0


@pytest.mark.slow
@pytest.mark.parametrize("stage", range(2), ids=STAGES)
def test_a_killed_training_resumes_as_if_undisturbed(prepared, backbone, undisturbed, tmp_path, stage):
    command = [sys.executable, "-c", SCRIPT, prepared, backbone, tmp_path]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    killed = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 300
    while not reached(tmp_path / "checkpoint" / "state.json", stage):
        assert killed.poll() is None and time.monotonic() < deadline, killed.stderr.read()
        time.sleep(0.01)
    killed.kill()
    killed.communicate()

    with pytest.raises(InputError, match="batch_size"):
        train(prepared, tmp_path, tiny_options(backbone, batch_size=8), resume=True)
    resumed = train(prepared, tmp_path, tiny_options(backbone, **OFTEN), resume=True)
    assert_same_weights(tmp_path, undisturbed)
    record = json.loads((undisturbed / "training.json").read_text(encoding="utf-8"))
    assert resumed.papers_seen == record["papers_seen"] > 0
    histories = [pd.read_csv(folder / "history.csv") for folder in (tmp_path, undisturbed)]
    pd.testing.assert_frame_equal(*(history[["stage", "epoch", "micro_f1"]] for history in histories))


def reached(state, stage):
    """Whether a training has gone some steps into the second epoch of a stage."""
    try:
        progress = json.loads(state.read_text(encoding="utf-8"))["progress"]
    except (FileNotFoundError, ValueError):
        return False
    return progress["stage"] == stage and progress["epoch"] >= 1 and progress["step"] > 2
