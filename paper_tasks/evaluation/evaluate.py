"""One table on held-out papers: the model that ships, beside what one would use otherwise."""

import json
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from paper_tasks.data import vocabulary
from paper_tasks.data.near_duplicates import near_duplicates
from paper_tasks.data.prepare import DISTANT, has_unlabelled, held_out_checksum, pairs, read_labels, read_split, texts
from paper_tasks.errors import InputError
from paper_tasks.evaluation import plots, report, scoreboard
from paper_tasks.evaluation.baselines.baselines import BASELINES, Splits
from paper_tasks.evaluation.earlier import keep_rows
from paper_tasks.evaluation.evaluation_set import EvaluationSet, Predictions
from paper_tasks.evaluation.score_cache import Arrays, ScoreCache, fingerprint
from paper_tasks.io import atomic
from paper_tasks.modeling import metrics
from paper_tasks.tagger.classifier import TaskClassifier
from paper_tasks.tagger.model_folder import file_checksum
from paper_tasks.tagger.text import format_paper, has_words


def evaluate(
    prepared_dir: Path,
    model_dirs: dict[str, Path],
    output_dir: Path,
    split: str = "test",
    rows: int | None = None,
    baselines: Iterable[str] = BASELINES,
    cache_dir: Path | None = None,
    other_dirs: dict[str, Path] | None = None,
) -> dict:
    """Measures baselines and exported models (name to folder) on one split of `prepared_dir`, or its first `rows`.

    Name last the model that ships: it is told by area, and compared with the best of the baselines and of
    `other_dirs`, which hold models exported by some other recipe.

    Papers nearly the same as one to learn from, or to choose thresholds on, are left out.

    Systems of an earlier evaluation in `output_dir` that are not measured now keep their rows (see `keep_rows`).

    Writes `evaluation.json`, `evaluation.md`, `per_task.csv` and three plots to `output_dir`, and the scores that
    each system gave the papers to `cache_dir`, from where a later evaluation takes them; returns what it wrote to
    `evaluation.json`. Baselines choose their thresholds on the development split, models bring their own.

    Raises InputError for a missing file, or a model of other tasks.
    """
    splits, cache = open_splits(prepared_dir, split, rows, cache_dir)
    held_out = EvaluationSet(splits.papers, splits.labels, splits.train_truth.sum(axis=0))

    answers = {name: BASELINES[name](splits, cache) for name in baselines}
    answers = {name: answer for name, answer in answers.items() if answer is not None}
    answers |= {name: model_answers(name, folder, splits, cache) for name, folder in (other_dirs or {}).items()}
    answers |= {name: model_answers(name, folder, splits, cache) for name, folder in model_dirs.items()}

    probable = {name: answer for name, answer in answers.items() if answer.are_probabilities}
    bootstrap = metrics.Bootstrap(len(splits.papers))
    evaluation = {
        "inputs": cache.inputs,
        # It holds the checksums of all files of the model.
        "shipped": "".join(file_checksum(folder / "config.json") for folder in [*model_dirs.values()][-1:]),
        "split": split,
        "papers": len(splits.papers),
        "distant": json.loads((prepared_dir / "report.json").read_text(encoding="utf-8"))["labels"] == DISTANT,
        "near_duplicates_left_out": splits.near_duplicates,
        "distant_labels": int(held_out.truth.sum()),
        "keyword_tasks": int(held_out.keywords.sum()),
        "keyword_tasks_unmentioned": int((held_out.keywords & ~held_out.mentioned & 1).sum()),
        "keyword_tasks_own": int(held_out.own.sum()),
        "keyword_tasks_own_unmentioned": int((held_out.own & ~held_out.mentioned & 1).sum()),
        "models": list(model_dirs),
        "notes": {name: answer.note for name, answer in answers.items() if answer.note},
        "systems": {name: held_out.measure(answer, bootstrap) for name, answer in answers.items()},
        "lead": {},
        "areas": {},
        "reliability": _reliability(held_out.truth, {name: answer.scores for name, answer in probable.items()}),
        "reliability_masked": _reliability(held_out.truth, {name: answer.masked for name, answer in probable.items()}),
    }
    evaluation, per_task = keep_rows(evaluation, _per_task(held_out, answers), output_dir)
    if model_dirs:
        shipped = evaluation["models"][-1]
        evaluation["areas"][shipped] = held_out.by_area(answers[shipped])
        evaluation["lead"] = _lead(held_out, answers, evaluation, bootstrap)

    output_dir.mkdir(parents=True, exist_ok=True)
    atomic.write_text(output_dir / "evaluation.md", scoreboard.full_tables(evaluation))
    with atomic.write_atomic(output_dir / "per_task.csv") as path:
        per_task.to_csv(path, index=False)
    # Last, for a later evaluation looks into it for what the others have.
    atomic.write_json(output_dir / "evaluation.json", evaluation)
    plots.write(evaluation, per_task, output_dir)
    return evaluation


def open_splits(
    prepared_dir: Path, split: str, rows: int | None = None, cache_dir: Path | None = None
) -> tuple[Splits, ScoreCache]:
    """The papers that every system is measured on, and what it may learn from; and the cache of what systems said.

    Raises InputError for a missing file, or where no paper is left.
    """
    train, dev, papers = (read_split(prepared_dir, name) for name in ("train", "dev", split))
    cache = ScoreCache(cache_dir, fingerprint(prepared_dir, split, rows))
    papers = papers[:rows]

    def near() -> Arrays:
        seen = [part for name, part in (("train", train), ("dev", dev)) if name != split]
        if has_unlabelled(prepared_dir):
            seen.append(read_split(prepared_dir, "unlabelled"))
        return {"rows": near_duplicates(texts(papers), chain.from_iterable(map(texts, seen)))}

    known = cache.arrays("near-duplicates", "", near)["rows"]
    if known.all():
        raise InputError(
            f"{prepared_dir}: every paper of {split} is nearly one that systems learn from; prepare others."
        )
    papers = papers[~known].reset_index(drop=True)
    labels, held_out = read_labels(prepared_dir), held_out_checksum(prepared_dir)
    return Splits(train, dev, papers, labels, held_out, int(known.sum())), cache


def _reliability(truth: np.ndarray, probabilities: dict[str, np.ndarray]) -> dict[str, list[dict[str, float]]]:
    """The rows of each system's reliability table."""
    tables = {name: report.reliability(truth, found)[0] for name, found in probabilities.items()}
    return {name: table.reset_index().to_dict("records") for name, table in tables.items()}


def model_answers(name: str, folder: Path, splits: Splits, cache: ScoreCache) -> Predictions:
    """What an exported model says of the papers, at its own thresholds.

    Raises ModelError for a folder that holds no model, InputError for a model of other tasks than the papers'.
    """
    classifier = TaskClassifier.load(folder, bulk=True)
    if list(classifier.labels) != splits.labels:
        raise InputError(f"{folder} was trained on other tasks than the papers have; prepare or train again.")
    masked = pd.DataFrame({"title": "", "abstract": splits.papers["masked"]})

    def compute() -> Arrays:
        return {
            "published": _probabilities(classifier, splits.papers, f"{name}, as published"),
            "masked": _probabilities(classifier, masked, f"{name}, masked"),
        }

    # config.json has the checksums of all files in the folder.
    config = (folder / "config.json").read_text(encoding="utf-8")
    found = cache.arrays("model", config, compute)
    predicted = (found["published"] >= classifier.thresholds).astype(np.int64)
    known = classifier.config["training"].get("held_out") in (None, splits.held_out)
    note = "" if known else "trained with other papers held out, it may have seen these"
    return Predictions(found["published"], predicted, found["masked"], are_probabilities=True, note=note)


def _probabilities(classifier: TaskClassifier, papers: pd.DataFrame, description: str) -> np.ndarray:
    """(papers, labels); 0 for a paper without a word, as masking may leave one."""
    probabilities = np.zeros((len(papers), len(classifier.labels)), dtype=np.float32)
    rows = zip(papers["title"], papers["abstract"], strict=True)
    with_words = np.array([has_words(format_paper(*paper)) for paper in rows], dtype=bool)
    probabilities[with_words] = classifier.probabilities(pairs(papers[with_words], description))
    return probabilities


def _lead(
    held_out: EvaluationSet, answers: dict[str, Predictions], evaluation: dict, bootstrap: metrics.Bootstrap
) -> dict[str, dict]:
    """By how much the shipped model is ahead of the best of the others, for each score; negative where it is behind.

    No interval where the best is of an earlier evaluation: its answers are not at hand.
    """
    scores, shipped = evaluation["systems"], evaluation["models"][-1]
    others = [name for name in scores if name not in evaluation["models"]]
    best = {
        score: max(rivals, key=rivals.__getitem__)
        for score in scoreboard.COMPARED
        if score in scores[shipped]
        and (rivals := {name: scores[name][score] for name in others if score in scores[name]})
    }
    statistics = {name: held_out.statistics(answers[name]) for name in {shipped, *best.values()}.intersection(answers)}
    lead = {}
    for score, other in best.items():
        lead[score] = {"best_other": other, "difference": scores[shipped][score] - scores[other][score]}
        if other in statistics:
            lead[score]["interval"] = metrics.interval(
                bootstrap.values(statistics[shipped][score]) - bootstrap.values(statistics[other][score])
            )
    return lead


def _per_task(held_out: EvaluationSet, answers: dict[str, Predictions]) -> pd.DataFrame:
    """A row for each label: its area, how many papers it has here and had to be learned from, and every F1."""
    table = pd.DataFrame(
        {
            "task": held_out.labels,
            "area": [vocabulary.task(name).area for name in held_out.labels],
            "train papers": held_out.train_papers,
            "papers": held_out.truth.sum(axis=0),
        }
    )
    for name, answer in answers.items():
        table[f"f1 {name}"] = metrics.f1_by_label(held_out.truth, answer.predicted).round(4)
    return table
