from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from paper_tasks import cli
from paper_tasks.data.prepared_folder import read_labels, read_split
from paper_tasks.errors import InputError
from paper_tasks.evaluation.baselines import original, original_training
from paper_tasks.evaluation.evaluation_data import EvaluationData
from paper_tasks.evaluation.options import OriginalOptions
from paper_tasks.evaluation.score_cache import ScoreCache
from paper_tasks.training import checkpoint


@pytest.fixture(scope="module")
def trained_original(prepared, backbone, tmp_path_factory):
    """The folder of a tiny model; at rates at which it learns something from so few papers."""
    folder = tmp_path_factory.mktemp("original") / "model"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(original_training, "LEARNING_RATES", slice(2e-3, 2e-2))
        original_training.train(prepared, folder, OriginalOptions(backbone=str(backbone)))
    return folder


def test_it_learns_from_abstracts(trained_original, prepared):
    labels, dev = read_labels(prepared), read_split(prepared, "dev")
    frequency = read_split(prepared, "train")["tasks"].explode().value_counts(normalize=True).reindex(labels)
    found = original.probabilities(trained_original, dev["abstract"].tolist())
    assert found.shape == (len(dev), len(labels)) and 0 <= found.min() <= found.max() <= 1
    ranks = (-found).argsort(axis=1)[:, 0]
    right = np.mean([labels[index] in tasks for index, tasks in zip(ranks, dev["tasks"], strict=True)])
    assert right > 1.5 * frequency.max()


def test_a_text_scores_as_it_does_alone(trained_original):
    texts = ["grainy pictures " * 40, "consoles", "photographs described in sentences"]
    alone = np.concatenate([original.probabilities(trained_original, [text]) for text in texts])
    np.testing.assert_allclose(original.probabilities(trained_original, texts), alone, atol=1e-5)


def test_a_second_training_does_not_replace_the_first(trained_original, prepared, backbone):
    with pytest.raises(InputError, match="has a model already"):
        original_training.train(prepared, trained_original, OriginalOptions(backbone=str(backbone)))


class Killed(BaseException):
    """An error that nothing catches."""


@pytest.mark.parametrize("stage_and_epoch", [(0, 2), (1, 1), (1, 3)])
def test_killed_it_goes_on_after_the_last_epoch_to_the_same_model(
    stage_and_epoch, trained_original, prepared, backbone, tmp_path, monkeypatch, capsys
):
    def save_and_die(folder, model, optimizer, state):
        save(folder, model, optimizer, state)
        if (state["stage"], state["epoch"]) == stage_and_epoch:
            raise Killed

    monkeypatch.setattr(original_training, "LEARNING_RATES", slice(2e-3, 2e-2))
    save = checkpoint.save
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(checkpoint, "save", save_and_die)
        original_training.train(prepared, tmp_path / "model", OriginalOptions(backbone=str(backbone)))
    # As a kill while the model is written would leave it.
    (tmp_path / "model" / "config.json").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="of a training of 2 and 3 epochs"):
        original_training.train(prepared, tmp_path / "model", OriginalOptions(backbone=str(backbone), epochs=4))
    original_training.train(prepared, tmp_path / "model", OriginalOptions(backbone=str(backbone)))
    assert "Continues from" in capsys.readouterr().err
    assert not checkpoint.exists(tmp_path / "model" / "checkpoint")
    texts = read_split(prepared, "dev")["abstract"].tolist()
    undisturbed = original.probabilities(trained_original, texts)
    np.testing.assert_allclose(original.probabilities(tmp_path / "model", texts), undisturbed, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--epochs", "0"], "'--epochs'"), (["--output", "{model}"], "has a model already")],
)
def test_a_wrong_option_is_reported_in_a_sentence(trained_original, prepared, arguments, words, monkeypatch, capsys):
    arguments = [text.format(model=trained_original) for text in arguments]
    monkeypatch.setattr("sys.argv", ["paper-tasks", "original", "--prepared", str(prepared), *arguments])
    with pytest.raises(SystemExit, match="2"):
        cli.main()
    assert words in capsys.readouterr().err


def test_the_table_has_a_row_for_it_at_one_half(trained_original, data, tmp_path):
    predictions = original.predict(data, ScoreCache(tmp_path, "papers"), trained_original)
    np.testing.assert_array_equal(predictions.predicted, predictions.scores >= 0.5)
    assert predictions.are_probabilities and predictions.note.endswith(" minutes")
    assert predictions.note.startswith(
        "trained for 2 of its 2 epochs with the encoder frozen and 3 of 3 with all layers, in "
    )
    expected = original.probabilities(trained_original, data.papers["masked"].tolist())
    np.testing.assert_allclose(predictions.masked, expected)

    changed = replace(data)
    changed.train_truth[0, 0] ^= 1
    predicted_now = original.predict(changed, ScoreCache(tmp_path, "papers"), trained_original)
    assert predicted_now.note == f"{predictions.note}, on other labels"


def test_untrained_it_has_no_row_but_a_message(tmp_path, capsys):
    data = EvaluationData(*[pd.DataFrame()] * 3, [], "", 0)
    assert original.predict(data, ScoreCache(None, ""), tmp_path) is None
    assert "make original" in capsys.readouterr().err
