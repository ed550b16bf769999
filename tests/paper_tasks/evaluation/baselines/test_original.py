import numpy as np
import pandas as pd
import pytest

from paper_tasks.data.prepare import read_labels, read_split
from paper_tasks.errors import InputError
from paper_tasks.evaluation.baselines import baselines, original
from paper_tasks.evaluation.baselines.baselines import Splits
from paper_tasks.evaluation.score_cache import ScoreCache
from paper_tasks.training import checkpoint


@pytest.fixture(scope="module")
def trained_original(prepared, backbone, tmp_path_factory):
    """The folder of a tiny model; at rates at which it learns something from so few papers."""
    folder = tmp_path_factory.mktemp("original") / "model"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(original, "RATES", slice(2e-3, 2e-2))
        original.train(prepared, folder, str(backbone))
    return folder


def test_it_learns_from_abstracts(trained_original, prepared):
    labels, dev = read_labels(prepared), read_split(prepared, "dev")
    frequency = read_split(prepared, "train")["tasks"].explode().value_counts(normalize=True).reindex(labels)
    found = original.probabilities(trained_original, dev["abstract"].tolist())
    assert found.shape == (len(dev), len(labels)) and 0 <= found.min() <= found.max() <= 1
    ranks = (-found).argsort(axis=1)[:, 0]
    right = np.mean([labels[place] in tasks for place, tasks in zip(ranks, dev["tasks"], strict=True)])
    assert right > 1.5 * frequency.max()


def test_a_text_scores_as_it_does_alone(trained_original):
    texts = ["grainy pictures " * 40, "consoles", "photographs described in sentences"]
    alone = np.concatenate([original.probabilities(trained_original, [text]) for text in texts])
    np.testing.assert_allclose(original.probabilities(trained_original, texts), alone, atol=1e-5)


def test_a_second_training_does_not_replace_the_first(trained_original, prepared, backbone):
    with pytest.raises(InputError, match="holds a model already"):
        original.train(prepared, trained_original, str(backbone))


class Killed(BaseException):
    """No error that anything catches."""


@pytest.mark.parametrize("stage_and_epoch", [(0, 2), (1, 1), (1, 3)])
def test_killed_it_goes_on_after_the_last_epoch_to_the_same_model(
    stage_and_epoch, trained_original, prepared, backbone, tmp_path, monkeypatch, capsys
):
    def save_and_die(folder, model, optimizer, state):
        save(folder, model, optimizer, state)
        if (state["stage"], state["epoch"]) == stage_and_epoch:
            raise Killed

    monkeypatch.setattr(original, "RATES", slice(2e-3, 2e-2))
    save = checkpoint.save
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(checkpoint, "save", save_and_die)
        original.train(prepared, tmp_path / "model", str(backbone))
    # As a kill while the model is written would leave it.
    (tmp_path / "model" / "config.json").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="of a training of 2 and 3 epochs"):
        original.train(prepared, tmp_path / "model", str(backbone), epochs=4)
    original.train(prepared, tmp_path / "model", str(backbone))
    assert "Goes on from" in capsys.readouterr().err
    assert not checkpoint.exists(tmp_path / "model" / "checkpoint")
    texts = read_split(prepared, "dev")["abstract"].tolist()
    undisturbed = original.probabilities(trained_original, texts)
    np.testing.assert_allclose(original.probabilities(tmp_path / "model", texts), undisturbed, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--epochs", "0"], "no whole number from 1 up"), (["--output", "{model}"], "holds a model already")],
)
def test_the_command_line_tells_in_a_sentence_what_is_wrong(trained_original, prepared, arguments, words, capsys):
    with pytest.raises(SystemExit, match="2"):
        original.main(["--prepared", str(prepared), *(text.format(model=trained_original) for text in arguments)])
    assert words in capsys.readouterr().err


def test_the_table_has_a_row_for_it_at_one_half(trained_original, prepared, monkeypatch, tmp_path):
    monkeypatch.setattr(baselines, "ORIGINAL", trained_original)
    splits = Splits(*(read_split(prepared, name) for name in ("train", "dev", "test")), read_labels(prepared), "", 0)
    answers = baselines.original_recipe(splits, ScoreCache(tmp_path, "papers"))
    np.testing.assert_array_equal(answers.predicted, answers.scores >= 0.5)
    assert answers.note.startswith(
        "trained for 2 of its 2 epochs with the encoder frozen and 3 of 3 with all layers, in "
    )
    expected = original.probabilities(trained_original, splits.papers["masked"].tolist())
    np.testing.assert_allclose(answers.masked, expected)

    assert answers.note.endswith(" minutes")
    splits.train_truth[0, 0] ^= 1
    mended = baselines.original_recipe(splits, ScoreCache(tmp_path, "papers"))
    assert mended.note == f"{answers.note}, on an earlier version of the labels"


def test_untrained_it_has_no_row_but_a_word(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(baselines, "ORIGINAL", tmp_path)
    splits = Splits(*[pd.DataFrame()] * 3, [], "", 0)
    assert baselines.original_recipe(splits, ScoreCache(None, "")) is None
    assert "make original" in capsys.readouterr().err
