import json
import re
from dataclasses import asdict

import pytest
import typer
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import eval_results_to_model_index

from paper_tasks.cli import app
from paper_tasks.data.options import PrepareOptions
from paper_tasks.errors import InputError, ModelError
from paper_tasks.evaluation import card as module
from paper_tasks.export.export import remove_card
from paper_tasks.paths import MODEL_DIR
from paper_tasks.tagger.config import ModelConfig
from tests.paper_tasks.evaluation.invented import evaluation


@pytest.fixture(scope="module")
def config():
    return json.loads((MODEL_DIR / "config.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def card(config):
    return ModelCard(written(config, evaluation()))


def written(config, evaluation):
    """The card's text; config: as `config.json` has it."""
    return module.card(ModelConfig.from_json(config), evaluation)


def test_the_front_matter_is_the_hubs(card):
    data = card.data
    assert (data.language, data.license, data.pipeline_tag) == ("en", "mit", "text-classification")
    values = {result.metric_name: result.metric_value for result in data.eval_results}
    assert len(values) == len(module.HUB_METRICS) and values["micro-F1"] == 0.8
    assert {result.dataset_split for result in data.eval_results} == {"test"}
    index = eval_results_to_model_index(data.model_name, data.eval_results)
    assert data.to_dict()["model-index"] == index and len(index) == 1


def test_scores_stand_beside_their_interval_and_the_best_other(card):
    assert "| micro-F1 | 0.800 | 0.790 to 0.810 | 0.925, string matching |" in card.text
    assert "| audio | 3 | 40 | 0.900 | 0.700 | 0.600 | 0.250 |" in card.text
    assert "2 are never found" in card.text


def test_it_tells_what_the_model_learned_from_and_how_long(card, config):
    training = config["training"]
    assert f"{training['data']['papers_train']:,} papers" in card.text
    assert f"Training took {training['minutes']} minutes on {training['device']}" in card.text
    assert f"which of {training['pretraining']['different_phrases']:,} phrases were cut out" in card.text
    for word in ("English", "2023", "artefacts", "Short texts", "Distant labels are *not*", "make model"):
        assert word in card.text


def test_labels_of_a_table_are_not_called_distant(config):
    data = config["training"]["data"] | {"labels": "the column 'tasks'"}
    text = written(config | {"training": config["training"] | {"data": data}}, evaluation(distant=False))
    assert "Their labels are the column 'tasks'" in text and "distant" not in text.lower()


def test_options_that_were_chosen_are_told(config):
    data = config["training"]["data"] | {"options": asdict(PrepareOptions(min_papers=3))}
    training = config["training"] | {"data": data}
    text = written(config | {"training": training, "encoder_tokens": 128}, evaluation())
    assert "paper_tasks prepare papers.csv --min-papers 3\n" in text and "--max-length 128\n```" in text


def test_it_tells_how_often_the_model_was_trained(config):
    once = {name: value for name, value in config["training"].items() if name != "averaged"} | {"runs": 1}
    teacher = {"backbone": "mpnet", "papers_seen": 9, "share": 0.4}
    assert "in 2 runs" in written(config | {"training": once | {"runs": 2}}, evaluation())
    averaged = once | {"runs": 2, "averaged": [{"seed": 22}, {"seed": 23, "teacher": teacher}]}
    text = written(config | {"training": averaged}, evaluation())
    assert "2 models of whose weights" in text and "1 of them had another for a teacher" in text
    assert "runs" not in text.partition("Training took")[2]


def test_its_commands_are_the_command_lines_own(card, config):
    shell = re.search(r"(?s)```sh\n(.*?)```", card.text)[1].replace(" \\\n   ", "")
    lines = [line.removeprefix("python -m paper_tasks ").split() for line in shell.splitlines()]
    assert [line[0] for line in lines] == ["prepare", "pretrain", "train", "train", "average", "export"]
    assert "--teacher" in lines[3] and "--teacher" not in lines[2]
    commands = typer.main.get_command(app).commands
    for name, *arguments in lines:
        # Parsed, not run: an option that is gone would be refused here.
        assert commands[name].make_context(name, arguments).params
    for name, record, told in (
        ("pretrain", config["training"]["pretraining"], module.PRETRAIN_OPTIONS),
        ("train", config["training"] | config["training"]["averaged"][0], module.TRAIN_OPTIONS),
    ):
        # All that was chosen on the command line; of the encoder of a training its folder is told.
        assert {option.name for option in commands[name].params} & record.keys() - {"backbone"} <= set(told)
    once = {name: value for name, value in config["training"].items() if name != "averaged"} | {"runs": 2}
    assert "```sh" not in written(config | {"training": once}, evaluation())


def test_no_line_is_left_unfilled(card):
    assert not re.search(r"\{|\}|None|nan", card.text)


def test_it_is_the_card_of_a_model(tmp_path):
    path = tmp_path / "README.md"
    with pytest.raises(InputError, match="none was measured"):
        module.write_card(path, MODEL_DIR, evaluation(models=[]))
    with pytest.raises(ModelError, match=r"no config\.json"):
        module.write_card(path, tmp_path, evaluation())
    assert not path.exists()
    module.write_card(path, MODEL_DIR, evaluation())
    assert path.read_text(encoding="utf-8").startswith("---\n")


@pytest.mark.parametrize("text", ["# My project\n", "---\nlicense: mit\n---\nAnother's card.\n"])
def test_no_other_file_is_removed_for_a_card(tmp_path, text):
    path = tmp_path / "README.md"
    remove_card(path)
    path.write_text(text, encoding="utf-8")
    remove_card(path)
    assert path.read_text(encoding="utf-8") == text
    module.write_card(path, MODEL_DIR, evaluation())
    remove_card(path)
    assert not path.exists()
