"""Measures exported models and baselines on held-out papers, and writes tables and plots of their scores."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from paper_tasks.data import vocabulary
from paper_tasks.data.prepared_folder import read_report
from paper_tasks.evaluation import results
from paper_tasks.evaluation.baselines.registry import check_names, predict_all
from paper_tasks.evaluation.error_analysis import reliability_bins
from paper_tasks.evaluation.evaluation_data import load_evaluation_data
from paper_tasks.evaluation.evaluation_set import EvaluationSet, Predictions
from paper_tasks.evaluation.leads import leads
from paper_tasks.evaluation.model_predictions import model_predictions
from paper_tasks.evaluation.options import EvaluateOptions
from paper_tasks.evaluation.report import EvaluationReport
from paper_tasks.evaluation.tables import COMPARED
from paper_tasks.modeling import metrics
from paper_tasks.tagger.model_folder import file_checksum


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
    baselines = check_names(options.baselines)
    data, cache = load_evaluation_data(prepared_dir, options.split, options.rows, cache_dir)
    evaluation_set = EvaluationSet(data.papers, data.labels, data.train_truth.sum(axis=0))
    predictions = predict_all(baselines, data, cache, options.original)
    for name, folder in {**(other_dirs or {}), **model_dirs}.items():
        predictions[name] = model_predictions(name, folder, data, cache)
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
        reliability={name: reliability_bins(evaluation_set.truth, found.scores) for name, found in probable.items()},
        reliability_masked={
            name: reliability_bins(evaluation_set.truth, found.masked)
            for name, found in probable.items()
            if found.masked is not None
        },
        kept=[],
    )
    report, per_task = results.keep_rows(
        report, _per_task(evaluation_set, predictions), lambda: results.read(output_dir)
    )
    if model_dirs:
        report = replace(
            report,
            areas={report.shipped_model: evaluation_set.by_area(predictions[report.shipped_model])},
            lead=leads(
                report.shipped_model,
                [name for name in report.systems if name not in report.models],
                report.systems,
                COMPARED,
                lambda name: evaluation_set.statistics(predictions[name]) if name in predictions else None,
                bootstrap,
            ),
        )
    results.write(report, per_task, output_dir)
    return report


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
