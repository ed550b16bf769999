"""Measures exported models and baselines on held-out papers, and writes tables and plots of their scores."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from paper_tasks.data import vocabulary
from paper_tasks.data.prepared_folder import pairs, read_report
from paper_tasks.errors import InputError
from paper_tasks.evaluation import error_analysis, results
from paper_tasks.evaluation.baselines.registry import BASELINES
from paper_tasks.evaluation.evaluation_data import EvaluationData, load_evaluation_data
from paper_tasks.evaluation.evaluation_set import EvaluationSet, Predictions
from paper_tasks.evaluation.options import EvaluateOptions
from paper_tasks.evaluation.report import EvaluationReport, Lead, ReliabilityBin
from paper_tasks.evaluation.score_cache import Arrays, ScoreCache
from paper_tasks.evaluation.tables import COMPARED
from paper_tasks.modeling import metrics
from paper_tasks.tagger.classifier import TaskClassifier
from paper_tasks.tagger.model_folder import file_checksum
from paper_tasks.tagger.text import format_paper, has_words


def evaluate(
    prepared_dir: Path,
    model_dirs: Mapping[str, Path],
    output_dir: Path,
    options: EvaluateOptions | None = None,
    cache_dir: Path | None = None,
    other_dirs: Mapping[str, Path] | None = None,
) -> EvaluationReport:
    """Measures baselines and exported models (name to folder) on one split of `prepared_dir`.

    The last model is the one that ships. It is also measured by area, and compared with the best of the baselines and
    of `other_dirs`, which hold models that another recipe made. Baselines choose their thresholds on the development
    split; models bring their own.

    Papers that are nearly the same as one to learn from, or to choose thresholds on, are left out. Systems of an
    earlier evaluation in `output_dir` that are not measured now keep their rows (see `results.keep_rows`).

    Writes the files of `results.write` to `output_dir`. Writes the scores of each system to `cache_dir`, and reads
    them from there in the next evaluation of the same papers.

    Raises InputError for a missing file, an unknown baseline, or a model of other tasks.
    """
    options = options or EvaluateOptions()
    baselines = BASELINES if options.baselines is None else options.baselines
    for name in baselines:
        if name not in BASELINES:
            raise InputError(f"There is no baseline '{name}'; name one of {', '.join(BASELINES)}.")
    data, cache = load_evaluation_data(prepared_dir, options.split, options.rows, cache_dir)
    evaluation_set = EvaluationSet(data.papers, data.labels, data.train_truth.sum(axis=0))
    predictions = _predict_all(data, cache, baselines, {**(other_dirs or {}), **model_dirs})
    bootstrap = metrics.Bootstrap(len(data.papers))
    probable = {name: found for name, found in predictions.items() if found.are_probabilities}
    report = EvaluationReport(
        inputs=cache.inputs,
        # config.json has the checksums of all files of the model.
        shipped="".join(file_checksum(folder / "config.json") for folder in [*model_dirs.values()][-1:]),
        split=options.split,
        papers=len(data.papers),
        distant=read_report(prepared_dir).is_distant,
        near_duplicates_left_out=data.near_duplicates,
        distant_labels=int(evaluation_set.truth.sum()),
        keyword_tasks=int(evaluation_set.keyword_truth.sum()),
        keyword_tasks_unmentioned=int(evaluation_set.unmentioned_keyword_truth.sum()),
        keyword_tasks_own=int(evaluation_set.own_words_truth.sum()),
        keyword_tasks_own_unmentioned=int(evaluation_set.unmentioned_own_words_truth.sum()),
        models=list(model_dirs),
        notes={name: found.note for name, found in predictions.items() if found.note},
        systems={name: evaluation_set.measure(found, bootstrap) for name, found in predictions.items()},
        lead={},
        areas={},
        reliability={name: _bins(evaluation_set.truth, found.scores) for name, found in probable.items()},
        reliability_masked={
            name: _bins(evaluation_set.truth, found.masked)
            for name, found in probable.items()
            if found.masked is not None
        },
        kept=[],
    )
    report, per_task = results.keep_rows(report, _per_task(evaluation_set, predictions), output_dir)
    if model_dirs:
        report = replace(
            report,
            areas={report.shipped_model: evaluation_set.by_area(predictions[report.shipped_model])},
            lead=_lead(evaluation_set, predictions, report, bootstrap),
        )
    results.write(report, per_task, output_dir)
    return report


def _predict_all(
    data: EvaluationData, cache: ScoreCache, baselines: Iterable[str], model_dirs: Mapping[str, Path]
) -> dict[str, Predictions]:
    """The predictions of every baseline that can be measured, and then of every model."""
    found = {name: BASELINES[name](data, cache) for name in baselines}
    measured = {name: predictions for name, predictions in found.items() if predictions is not None}
    return measured | {name: model_predictions(name, folder, data, cache) for name, folder in model_dirs.items()}


def model_predictions(name: str, folder: Path, data: EvaluationData, cache: ScoreCache) -> Predictions:
    """The predictions of an exported model, at its own thresholds.

    Raises ModelError for a folder without a model, InputError for a model of other tasks than the papers'.
    """
    classifier = TaskClassifier.load(folder, bulk=True)
    if list(classifier.labels) != data.labels:
        raise InputError(f"{folder} was trained on other tasks than the papers have; prepare or train again.")
    masked = pd.DataFrame({"title": "", "abstract": data.papers["masked"]})

    def compute() -> Arrays:
        return {
            "published": _probabilities(classifier, data.papers, f"{name}, as published"),
            "masked": _probabilities(classifier, masked, f"{name}, masked"),
        }

    # config.json has the checksums of all files in the folder.
    arrays = cache.arrays("model", (folder / "config.json").read_text(encoding="utf-8"), compute)
    is_known = classifier.config.training.held_out in (None, data.held_out_checksum)
    note = "" if is_known else "trained with other papers held out, it may have seen these"
    return Predictions.at(classifier.thresholds, arrays, are_probabilities=True, note=note)


def _probabilities(classifier: TaskClassifier, papers: pd.DataFrame, description: str) -> np.ndarray:
    """(papers, labels); 0 for a paper without a word, which masking may leave."""
    probabilities = np.zeros((len(papers), len(classifier.labels)), dtype=np.float32)
    rows = zip(papers["title"], papers["abstract"], strict=True)
    with_words = np.array([has_words(format_paper(*paper)) for paper in rows], dtype=bool)
    probabilities[with_words] = classifier.probabilities(pairs(papers[with_words], description))
    return probabilities


def _bins(truth: np.ndarray, probabilities: np.ndarray) -> list[ReliabilityBin]:
    table, _ = error_analysis.reliability(truth, probabilities)
    return [ReliabilityBin.from_json(row) for row in table.reset_index().to_dict("records")]


def _lead(
    evaluation_set: EvaluationSet,
    predictions: Mapping[str, Predictions],
    report: EvaluationReport,
    bootstrap: metrics.Bootstrap,
) -> dict[str, Lead]:
    """How far the shipped model is ahead of the best other system in each score."""
    shipped, systems = report.shipped_model, report.systems
    others = [name for name in systems if name not in report.models]
    best_others = {}
    for score in COMPARED:
        rivals = {name: systems[name][score] for name in others if score in systems[name]}
        if rivals and score in systems[shipped]:
            best_others[score] = max(rivals, key=rivals.__getitem__)
    statistics = {
        name: evaluation_set.statistics(predictions[name])
        for name in {shipped, *best_others.values()}.intersection(predictions)
    }
    lead = {}
    for score, other in best_others.items():
        interval = None
        if other in statistics:
            draws = [bootstrap.values(statistics[name][score]) for name in (shipped, other)]
            interval = metrics.interval(draws[0] - draws[1])
        lead[score] = Lead(other, systems[shipped][score] - systems[other][score], interval)
    return lead


def _per_task(evaluation_set: EvaluationSet, predictions: Mapping[str, Predictions]) -> pd.DataFrame:
    """A row for each label: its area, its training papers, its measured papers, and the F1 of every system."""
    table = pd.DataFrame(
        {
            "task": evaluation_set.labels,
            "area": [vocabulary.task(name).area for name in evaluation_set.labels],
            "train papers": evaluation_set.train_papers,
            "papers": evaluation_set.truth.sum(axis=0),
        }
    )
    for name, found in predictions.items():
        table[f"f1 {name}"] = metrics.f1_by_label(evaluation_set.truth, found.predicted).round(4)
    return table
