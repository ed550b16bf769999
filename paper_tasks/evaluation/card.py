"""The model card: what the bundled model learned, what it is for, how good it is, and how to make it again.

Written from the model's `config.json` and an evaluation, so that no figure in it is typed by hand.
"""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from paper_tasks.data.options import PrepareOptions
from paper_tasks.errors import InputError
from paper_tasks.evaluation import tables
from paper_tasks.evaluation.rendering import cell, table
from paper_tasks.evaluation.report import EvaluationReport, SystemScores
from paper_tasks.io import atomic
from paper_tasks.tagger.config import ModelConfig, TrainingRecord
from paper_tasks.tagger.model_folder import read_config
from paper_tasks.tagger.wording import PROJECT

# The hub's identifier of a metric, and ours of the scores that go into its `model-index`.
HUB_METRICS = {
    "micro_f1": "f1",
    "macro_f1": "f1",
    "subset_accuracy": "accuracy",
    "precision_at_1": "precision",
    "keyword_recall_at_5": "recall",
    "keyword_recall_at_5_mentioned": "recall",
    "keyword_recall_at_5_unmentioned": "recall",
    "masked_recall_at_5": "recall",
    "masked_recall_at_5_macro": "recall",
}
# What `pretrain` and `train` take under the names by which a model's record has them.
PRETRAIN_OPTIONS = (
    "backbone",
    "budget_minutes",
    "epochs",
    "batch_size",
    "phrases",
    "learning_rate",
    "max_length",
    "seed",
)
TRAIN_OPTIONS = (
    "budget_minutes",
    "frozen_epochs",
    "epochs",
    "learning_rate",
    "lower_divisor",
    "batch_size",
    "max_length",
    "short_length",
    "dropout",
    "train_embeddings",
    "mask_rate",
    "seed",
)
# What is to be known where a string matcher made the labels.
DISTANT = """
Distant labels are *not* Papers with Code's, which nobody has given since it closed in July 2025. A paper has a task
where the task's name, or an alias of it, stands in its title, its abstract or the authors' keywords. So a paper that
works on a task without naming it lacks the label, and one that names a task only to set itself apart has it wrongly.
Scores against distant labels tell how well a system does what a string matcher does.
"""
UNNAMED = """ Distant labels hold what is not named for false: against them, those
  between 0.1 and 0.9 look far too high."""
MATCHED = "; on distant labels (the rows down to macro-F1) that is string matching, which made them"
# Between an option and its value.
NO_BREAK = "\N{NO-BREAK SPACE}"
# Where the hub has what a config calls by a shorter name.
HUB_NAMES = {"all-MiniLM-L6-v2": "sentence-transformers/all-MiniLM-L6-v2"}
TABLE = tables.COMPARED | {name: f"tags as given, {title}" for name, title in tables.TAGS.items()}


def write_card(path: Path, model_dir: Path, report: EvaluationReport) -> None:
    """Writes the card of the last model of an evaluation, which lies in `model_dir`; Markdown with front matter.

    Raises InputError if the evaluation has no model, ModelError if the folder holds none.
    """
    if not report.models:
        raise InputError(f"{path} is the card of a model, but none was measured; name one: --model int8=FOLDER.")
    content = card(read_config(model_dir), report)
    # Parsed as the hub parses it: a front matter that it could not read would fail here.
    ModelCard(content)
    with atomic.write_atomic(path) as scratch:
        scratch.write_text(content, encoding="utf-8")


def card(config: ModelConfig, report: EvaluationReport) -> str:
    """The whole card. config: the model's `config.json`."""
    scores = report.systems[report.shipped_model]
    training, data = config.training, config.data
    tasks = sum(info.is_task and info.canonical == task for task, info in config.task_info.items())
    fitted = config.scores.papers
    return f"""---
{metadata(config, report).to_yaml()}
---

# {PROJECT}

Which machine-learning tasks does a paper work on? Title and abstract go in; a probability for each of
{len(config.labels)} task names of Papers with Code comes out. One int8 ONNX file, made from {config.backbone}.

## Data

The model learned from {data.papers_train:,} papers of {data.source}. Their labels are {data.labels}.
Another {data.papers_dev:,} were to develop on: {fitted:,} of them chose thresholds and calibrated the probabilities.
{data.papers_test:,} were kept for the scores below, without those that are nearly a paper of the others \
({report.near_duplicates_left_out:,}).
{_pretraining(training)}
{DISTANT if report.distant else ""}
Two scores tell whether a model knows what a paper is about: recall of the tasks that authors name in their keywords but
not in title and abstract, and recall of tasks whose every mention was cut from the text (*masked*).

## Intended use

Tags for a person to look at, or to search and filter many papers by: {tasks} tasks once spellings of one are merged and
names that are no tasks left out, as `TaskClassifier.predict` does. It is not meant to judge papers or people, nor to
count what a field works on without correcting for its errors.

## Limits

- English only, and papers on machine learning: a text on anything else gets tags too, or none.
- The vocabulary is that of Papers with Code as of 2023: later tasks have no name here.
- Some names are artefacts (*Navigate*, *SSIM*) that Papers with Code attached by string matching; they are hidden
  unless asked for, and their probabilities mean little.
- Short texts: without an abstract there is little to go by. Of long ones the encoder reads the first
  {config.encoder_tokens} tokens.
- Probabilities suppose that one text in three names none of its tasks; and of a text that names no task at all, that it
  works on some nevertheless.{UNNAMED if report.distant else ""}
- It repeats the errors of its labels: what is named in passing may become a tag.

## Scores

On {report.papers:,} papers of the {report.split} split, as shipped, with 95% bootstrap intervals over
papers. The best other is the best of string matching, linear SVMs, Annif, zero-shot similarity and the original's
recipe, where measured{MATCHED if report.distant else ""}.

{_scores_table(report)}
{_never_found(scores)}
By area; `keywords` and `masked` are recall@5:

{tables.area_table(report.areas[report.shipped_model])}
## Make it again

`make model PAPERS=papers.csv` does as much as two CPU cores have time for.{_recipe(config)}

{_training(training)}
"""


def metadata(config: ModelConfig, report: EvaluationReport) -> ModelCardData:
    """The front matter: what the hub shows and searches by, and the scores as its `model-index`."""
    scores = report.systems[report.shipped_model]
    results = [
        EvalResult(
            task_type="text-classification",
            task_name="Multi-label text classification",
            dataset_type="from-paper-with-tasks",
            dataset_name=f"Machine-learning papers with {report.labels_name}",
            dataset_split=report.split,
            metric_type=metric,
            metric_name=tables.COMPARED[score],
            metric_value=round(scores[score], 4),
        )
        for score, metric in HUB_METRICS.items()
        if score in scores
    ]
    return ModelCardData(
        language="en",
        license="mit",
        base_model=HUB_NAMES.get(config.backbone),
        library_name="onnx",
        pipeline_tag="text-classification",
        tags=["multi-label", "scientific-papers", "papers-with-code", "int8"],
        metrics=sorted({result.metric_type for result in results}),
        model_name=PROJECT,
        eval_results=results,
    )


def _scores_table(report: EvaluationReport) -> str:
    scores, lead = report.systems[report.shipped_model], report.lead
    rows = {}
    for name, title in TABLE.items():
        if name not in scores:
            continue
        low, high = scores.intervals[name]
        rows[title] = {
            "score": cell(scores[name]),
            "interval": f"{cell(low)} to {cell(high)}",
        }
        if name in lead:
            other = scores[name] - lead[name].difference
            rows[title]["other"] = f"{other:.3f}, {lead[name].best_other}"
    return table("measured", {"score": "score", "interval": "95% interval", "other": "best other"}, rows)


def _never_found(scores: SystemScores) -> str:
    tasks = scores["tasks_at_f1_0"]
    return (
        f"Of the tasks with 30 or more training papers, {tasks or 'none'} {'are' if tasks > 1 else 'is'} never found.\n"
    )


def _pretraining(training: TrainingRecord) -> str:
    """What the encoder had learned before, if it was pretrained on papers."""
    record = training.pretraining
    if record is None:
        return ""
    return (
        f"\nBefore it saw a label, its encoder had learned which of {record.different_phrases:,} phrases were cut "
        f"out of a text,\non {record.texts:,} texts of the same table: those papers, and others that name no task "
        f"({record.minutes:.0f} minutes, {record.device}).\n"
    )


def _recipe(config: ModelConfig) -> str:
    """The commands that made this very model; of one trained in several runs its config does not tell all."""
    training = config.training
    runs = training.averaged or [training]
    if len(runs) < training.runs:
        return ""
    chosen = {name: value for name, value in config.data.options.items() if value != getattr(PrepareOptions, name)}
    commands = [["prepare", "papers.csv", *_options(chosen, [*chosen])]]
    if record := training.pretraining:
        commands.append(["pretrain", *_options(record.to_json(), PRETRAIN_OPTIONS)])
    for number, run in enumerate(runs, start=1):
        teacher = ["--teacher models/1", f"--teacher-share {run.teacher.share}"] if run.teacher else []
        backbone = "models/phrases" if record else run.backbone
        places = [f"--backbone {backbone}", f"--output models/{number}"]
        commands.append(["train", *places, *teacher, *_options(run.to_json(), TRAIN_OPTIONS)])
    made = "models/1"
    if len(runs) > 1:
        made = "models/average"
        commands.append(["average", *(f"models/{number + 1}" for number in range(len(runs))), f"--output {made}"])
    read = [] if config.encoder_tokens == training.max_length else [f"--max-length{NO_BREAK}{config.encoder_tokens}"]
    commands.append(["export", f"--model {made}", *read])
    lines = (" ".join(["python -m paper_tasks", *command]) for command in commands)
    shell = "\n".join(
        textwrap.fill(line, 110, subsequent_indent="    ", break_on_hyphens=False)
        .replace("\n", " \\\n")
        .replace(NO_BREAK, " ")
        for line in lines
    )
    return f"\nBy its record, by the code of its time, this one was made so:\n\n```sh\n{shell}\n```"


def _options(record: Mapping, names: Sequence[str]) -> list[str]:
    """Of an option that a command was given, name and value, as they are typed."""
    return [
        f"--{name.replace('_', '-')}" + ("" if value is True else f"{NO_BREAK}{value}")
        for name in names
        if (value := record.get(name)) not in (None, False)
    ]


def _training(training: TrainingRecord) -> str:
    """What the training took, as far as the config tells."""
    runs = ""
    if training.averaged:
        runs = f", for {len(training.averaged)} models of whose weights these are the average (`average`)"
        if taught := sum(record.teacher is not None for record in training.averaged):
            runs += f"; {taught} of them had another for a teacher (`train --teacher`)"
    elif training.runs > 1:
        runs = f" in {training.runs} runs, each later one from the model of the one before (`train --start-from`)"
    device = f" on {training.device}" if training.device else ""
    sentences = [f"Training took {training.minutes} minutes{device}{runs}"]
    if training.papers_seen:
        sentences.append(f"{training.papers_seen:,} papers were read (each as often as it came)")
    return "".join(f"{sentence}. " for sentence in sentences) + (
        "`config.json` has every option. The labels need the same table of papers. "
        "`results/evaluation.md` in the repository has every system's scores."
    )
