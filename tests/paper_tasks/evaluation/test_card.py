import itertools
import json
import re
from dataclasses import replace

import pytest
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import eval_results_to_model_index

from paper_tasks.errors import InputError, ModelError
from paper_tasks.evaluation import card as module
from paper_tasks.evaluation import written
from paper_tasks.export.export import remove_card
from paper_tasks.paths import MODEL_DIR
from paper_tasks.tagger.config import ModelConfig
from paper_tasks.tagger.model_folder import file_checksum
from paper_tasks.tagger.wording import DISTANT_LABELS
from tests import ROOT
from tests.paper_tasks.evaluation.invented import evaluation
from tests.paper_tasks.evaluation.read_labels.invented import read_evaluation


@pytest.fixture(scope="module")
def config():
    return json.loads((MODEL_DIR / "config.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def card(config):
    return ModelCard(card_text(config, evaluation()))


def card_text(config, evaluation):
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


@pytest.mark.parametrize(
    ("missed", "sentence"),
    [
        (0, "Every task with 30 or more training papers is found at least once."),
        (1, "1 task with 30 or more training papers is never found."),
        (2, "2 tasks with 30 or more training papers are never found."),
    ],
)
def test_tasks_that_are_never_found_are_counted(config, missed, sentence):
    found = evaluation()
    found.systems["int8"].values["tasks_at_f1_0"] = missed
    assert sentence in card_text(config, found).splitlines()


def test_it_says_what_the_model_learned_from_and_how_long(card, config):
    training = config["training"]
    assert f"{training['data']['papers_train']:,} papers" in card.text
    assert f"Training took {training['minutes']} minutes on {training['device']}." in card.text
    assert f"which of {training['pretraining']['different_phrases']:,} phrases were cut out" in card.text
    for word in ("English", "2023", "artefacts", "Short texts", DISTANT_LABELS, "make model"):
        assert word in card.text


def test_labels_of_a_table_are_not_called_distant(config):
    data = config["training"]["data"] | {"labels": "the column 'tasks'"}
    text = card_text(config | {"training": config["training"] | {"data": data}}, evaluation(distant=False))
    assert "Their labels are the column 'tasks'." in text and "distant" not in text.lower()


def test_it_says_how_often_the_model_was_trained(config):
    once = {name: value for name, value in config["training"].items() if name != "averaged"} | {"runs": 1}
    teacher = {"backbone": "mpnet", "papers_seen": 9, "share": 0.4}
    assert "There were 2 runs" in card_text(config | {"training": once | {"runs": 2}}, evaluation())
    averaged = once | {"runs": 2, "averaged": [{"seed": 22}, {"seed": 23, "teacher": teacher}]}
    text = card_text(config | {"training": averaged}, evaluation())
    assert "the average of 2 trained models" in text and "1 of these models also learned from a teacher" in text
    assert "runs" not in text.partition("Training took")[2]


def test_commands_stand_in_it_if_the_record_has_them_all(card, config):
    assert "```sh\npaper-tasks prepare papers.csv\n" in card.text
    once = {name: value for name, value in config["training"].items() if name != "averaged"} | {"runs": 2}
    assert "```sh" not in card_text(config | {"training": once}, evaluation())


@pytest.mark.parametrize("name", ["card", "read_card"])
def test_every_block_stands_apart(name, request):
    lines = request.getfixturevalue(name).text.strip().splitlines()
    for before, line in itertools.pairwise(lines):
        assert not (before == line == "")
        if line.startswith("#") or before.startswith("#"):
            assert "" in (before, line)
        assert line.startswith("|") == before.startswith("|") or "" in (before, line)


def test_no_line_is_left_unfilled(card, read_card):
    for text in (card.text, read_card.text):
        assert not re.search(r"\{|\}|None|nan", text)


@pytest.fixture(scope="module")
def read_card(config):
    """The card of a model that learned from read labels and was measured on them alone."""
    data = config["training"]["data"] | {"labels": "read", "source": "papers.csv.xz, more.csv.xz"}
    data["options"] = {"labels": "read_labels", "positives": ["pwc.jsonl.xz"]}
    changed = ModelConfig.from_json(config | {"training": config["training"] | {"data": data}})
    return ModelCard(module.card(changed, None, read_evaluation()))


def test_scores_on_read_labels_come_first(config):
    text = module.card(ModelConfig.from_json(config), evaluation(), read_evaluation())
    headings = [line for line in text.splitlines() if line.startswith("### ")]
    assert headings == [
        "### On read papers",
        "### On the newest papers",
        "### On Papers with Code's own labels",
        "### On distant labels",
    ]
    assert "| F1 | 0.900 | 0.890 to 0.910 | 0.700, TF-IDF + linear SVM |" in text
    assert "| R@5 | 0.800 | 0.790 to 0.810 | 0.820, SVM |" in text
    results = ModelCard(text).data.eval_results
    assert [result.dataset_config for result in results[:1]] == ["read"] and results[-1].dataset_config is None


def test_a_model_of_read_labels_has_a_card_without_distant_ones(read_card):
    assert "distant" not in read_card.text.lower() and "calibrated on papers that were read" in read_card.text
    assert "Readers named the tasks of some" in read_card.text
    assert (
        "paper-tasks prepare papers.csv.xz more.csv.xz --read-labels read_labels --positives pwc.jsonl.xz"
        in read_card.text
    )
    sets = {result.dataset_config: result.dataset_name for result in read_card.data.eval_results}
    assert list(sets) == ["read", "modern", "positives"] and len(set(sets.values())) == 3


@pytest.fixture
def measured(config):
    """An evaluation of the bundled model."""
    return evaluation(shipped=file_checksum(MODEL_DIR / "config.json"))


def test_it_is_the_card_of_the_measured_model(tmp_path, measured):
    path = tmp_path / "README.md"
    with pytest.raises(InputError, match="none was measured"):
        module.write_card(path, MODEL_DIR, replace(measured, models=[]))
    with pytest.raises(ModelError, match=r"no config\.json"):
        module.write_card(path, tmp_path, measured)
    with pytest.raises(InputError, match="measured another model"):
        module.write_card(path, MODEL_DIR, evaluation())
    with pytest.raises(InputError, match="measured another model"):
        module.write_card(path, MODEL_DIR, evaluation(), read_evaluation())
    assert not path.exists()
    module.write_card(path, MODEL_DIR, measured, read_evaluation())
    # An evaluation of another model has no part in the card.
    assert path.read_text(encoding="utf-8").startswith("---\n")
    assert "On read papers" not in path.read_text(encoding="utf-8")
    module.write_card(path, MODEL_DIR, evaluation(), read_evaluation(shipped=measured.shipped))
    assert "On distant labels" not in path.read_text(encoding="utf-8")


def test_the_card_in_the_repository_is_of_its_evaluation(tmp_path):
    module.write_card(tmp_path / "README.md", MODEL_DIR, *written.read(ROOT / "results"))
    assert (MODEL_DIR / "README.md").read_bytes() == (tmp_path / "README.md").read_bytes()


@pytest.mark.parametrize("text", ["# My project\n", "---\nlicense: mit\n---\nAnother's card.\n"])
def test_no_other_file_is_removed_for_a_card(tmp_path, text, measured):
    path = tmp_path / "README.md"
    remove_card(path)
    path.write_text(text, encoding="utf-8")
    remove_card(path)
    assert path.read_text(encoding="utf-8") == text
    module.write_card(path, MODEL_DIR, measured)
    remove_card(path)
    assert not path.exists()
