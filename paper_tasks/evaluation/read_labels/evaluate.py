"""Measures exported models and baselines against labels made by reading, and writes tables and a plot."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from paper_tasks.data import vocabulary
from paper_tasks.data.prepared_folder import POSITIVES, READ
from paper_tasks.evaluation import error_analysis
from paper_tasks.evaluation.baselines.registry import READ_BASELINES, check_names, predict_all
from paper_tasks.evaluation.evaluation_data import EvaluationData
from paper_tasks.evaluation.evaluation_set import Predictions
from paper_tasks.evaluation.leads import leads
from paper_tasks.evaluation.model_predictions import model_predictions
from paper_tasks.evaluation.options import EvaluateOptions
from paper_tasks.evaluation.read_labels import results
from paper_tasks.evaluation.read_labels.papers import PaperSet, load_paper_sets
from paper_tasks.evaluation.read_labels.report import ReadEvaluationReport
from paper_tasks.evaluation.read_labels.tables import COMPARED, COMPARED_POSITIVES
from paper_tasks.evaluation.report import Lead
from paper_tasks.evaluation.results import keep_rows
from paper_tasks.modeling import metrics
from paper_tasks.tagger.model_folder import file_checksum


def evaluate(
    prepared_dir: Path,
    model_dirs: Mapping[str, Path],
    output_dir: Path,
    options: EvaluateOptions | None = None,
    cache_dir: Path | None = None,
    other_dirs: Mapping[str, Path] | None = None,
) -> ReadEvaluationReport:
    """Measures baselines and exported models (name to folder) on the sets of one split of `prepared_dir`.

    The last model is the one that ships; it is compared with the best of the baselines and of `other_dirs`, which hold
    models that another recipe made. Baselines learn from the same papers as the models, positives too, and choose
    their thresholds on the read papers of `dev`. Models bring their own.

    Systems of an earlier evaluation in `output_dir` that are not measured now keep their rows.

    Writes the files of `results.write` to `output_dir`. Writes the scores of each system to `cache_dir`, and reads
    them from there in the next evaluation of the same papers.

    Raises InputError for a missing file, an unknown baseline, a model of other tasks, or the split "train".
    """
    options = options or EvaluateOptions()
    baselines = check_names(options.baselines, READ_BASELINES)
    data, sets, cache = load_paper_sets(prepared_dir, options.split, options.rows, cache_dir)
    predictions = predict_all(baselines, data, cache, options.original)
    for name, folder in {**(other_dirs or {}), **model_dirs}.items():
        predictions[name] = model_predictions(name, folder, data, cache)
    bootstraps = {each.name: metrics.Bootstrap(each.size().papers) for each in sets}
    read = next(each for each in sets if each.name == READ)
    report = ReadEvaluationReport(
        inputs=cache.inputs,
        # config.json has the checksums of all files of the model.
        shipped="".join(file_checksum(folder / "config.json") for folder in [*model_dirs.values()][-1:]),
        split=options.split,
        sets={each.name: each.size() for each in sets},
        models=list(model_dirs),
        notes={name: found.note for name, found in predictions.items() if found.note},
        systems={
            name: {each.name: each.measure(found, bootstraps[each.name]) for each in sets}
            for name, found in predictions.items()
        },
        lead={},
        reliability={
            name: error_analysis.reliability_bins(*read.judged(found))
            for name, found in predictions.items()
            if found.are_probabilities
        },
        kept=[],
    )
    report, per_task = keep_rows(report, _per_task(read, data, predictions), lambda: results.read(output_dir))
    if model_dirs:
        lead = {each.name: _lead(each, report, predictions, bootstraps[each.name]) for each in sets}
        report = replace(report, lead=lead)
    results.write(report, per_task, output_dir)
    return report


def _lead(
    papers: PaperSet,
    report: ReadEvaluationReport,
    predictions: Mapping[str, Predictions],
    bootstrap: metrics.Bootstrap,
) -> dict[str, Lead]:
    return leads(
        report.shipped_model,
        [name for name in report.systems if name not in report.models],
        report.on(papers.name),
        COMPARED_POSITIVES if papers.name == POSITIVES else COMPARED,
        lambda name: papers.statistics(predictions[name]) if name in predictions else None,
        bootstrap,
    )


def _per_task(read: PaperSet, data: EvaluationData, predictions: Mapping[str, Predictions]) -> pd.DataFrame:
    """A row for each task: its area, its training papers, the read papers on it, and the F1 of every system there."""
    counts = data.train["tasks"].explode().value_counts()
    table = pd.DataFrame(
        {
            "task": read.tasks,
            "area": [vocabulary.task(name).area for name in read.tasks],
            "train papers": counts.reindex(read.tasks, fill_value=0).to_numpy(),
            "papers": read.main.sum(axis=0),
        }
    )
    for name, found in predictions.items():
        table[f"f1 {name}"] = read.f1_by_task(found).round(4)
    return table
