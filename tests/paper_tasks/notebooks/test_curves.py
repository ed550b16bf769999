import pytest
from safetensors.torch import load_file

from paper_tasks.notebooks.curves import Curves
from paper_tasks.training.finetune import STAGES, train
from paper_tasks.training.time_budget import TimeBudget
from tests.paper_tasks.conftest import tiny_options


@pytest.fixture(scope="module")
def watched(prepared, backbone, tmp_path_factory):
    curves, folder = Curves(points=3), tmp_path_factory.mktemp("watched")
    return folder, train(prepared, folder, tiny_options(backbone, epochs=6), callbacks=[curves]), curves


def test_every_step_is_there(watched):
    curves = watched[2]
    steps = curves.steps
    assert steps["step"].tolist() == list(range(1, len(steps) + 1))
    assert list(dict.fromkeys(steps["stage"])) == list(STAGES)
    assert steps["loss"].iloc[-10:].mean() < steps["loss"].iloc[:10].mean()


def test_scores_start_and_end_each_stage(watched):
    _, training, curves = watched
    scores = curves.scores
    assert scores["stage"].value_counts().to_dict() == dict.fromkeys(STAGES, 4)
    ends = curves.steps.groupby("stage")["step"].agg(["min", "max"])
    for stage, part in scores.groupby("stage"):
        assert part["step"].iloc[0] == ends.loc[stage, "min"] and part["step"].iloc[-1] == ends.loc[stage, "max"]
    assert scores["papers"].iloc[-1] == training.papers_seen


def test_the_last_score_is_that_of_the_training(watched):
    _, training, curves = watched
    last = curves.scores.iloc[-1]
    assert last["micro_f1"] == pytest.approx(training.dev.micro_f1)
    assert last["micro_f1"] >= curves.scores["micro_f1"].iloc[0]
    assert last["loss"] < curves.scores["loss"].iloc[0]


def test_the_last_step_of_a_stage_that_a_budget_ends_is_there(prepared, backbone, tmp_path, monkeypatch):
    monkeypatch.setattr(TimeBudget, "_share_of_time", lambda budget: budget.progress.step / 3)
    curves = Curves(points=2)
    options = tiny_options(backbone, frozen_epochs=2, epochs=2, budget_minutes=1.0)
    training = train(prepared, tmp_path, options, callbacks=[curves])
    assert len(curves.steps) == 6 and curves.scores["step"].iloc[-1] == 6
    assert curves.scores["papers"].iloc[-1] == training.papers_seen


def test_watching_changes_nothing(watched, trained):
    one, other = (load_file(folder / "model.safetensors") for folder in (watched[0], trained[0]))
    assert all(one[name].equal(other[name]) for name in other)
