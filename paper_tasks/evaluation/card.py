"""The model card: what the bundled model learned, what it is for, how good it is, and how to make it again.

Every figure comes from the model's `config.json` or from an evaluation.
"""

from collections.abc import Mapping
from pathlib import Path

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from paper_tasks.data.prepared_folder import MODERN, POSITIVES, READ
from paper_tasks.errors import InputError
from paper_tasks.evaluation import recipe, tables
from paper_tasks.evaluation.read_labels import tables as read_tables
from paper_tasks.evaluation.read_labels.report import ReadEvaluationReport
from paper_tasks.evaluation.rendering import cell, render, table
from paper_tasks.evaluation.report import EvaluationReport, Lead, SystemScores
from paper_tasks.io import atomic
from paper_tasks.tagger.config import ModelConfig
from paper_tasks.tagger.model_folder import file_checksum, read_config
from paper_tasks.tagger.wording import DISTANT_LABELS, PROJECT

# The scores of the card's `model-index`, each with the hub's identifier of its metric.
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
READ_HUB_METRICS = {
    "f1": "f1",
    "precision": "precision",
    "recall": "recall",
    "macro_f1": "f1",
    "precision_at_1": "precision",
    "recall_at_5": "recall",
    "recall_at_5_unmentioned": "recall",
}
READ_DATA_SETS = {
    READ: "Machine-learning papers labelled by reading",
    MODERN: "Machine-learning papers of 2025 and 2026 labelled by reading",
    POSITIVES: "Papers with Code's own labels",
}
# The hub's names of backbones that a config calls by a shorter name.
HUB_NAMES = {"all-MiniLM-L6-v2": "sentence-transformers/all-MiniLM-L6-v2"}
TABLE = tables.COMPARED | {name: f"tags as given, {title}" for name, title in tables.TAGS.items()}


def write_card(
    path: Path, model_dir: Path, report: EvaluationReport | None, read: ReadEvaluationReport | None = None
) -> None:
    """Writes the card of the shipped model, which is in `model_dir`: Markdown with front matter.

    read: the evaluation on read labels, which comes first. Of the two evaluations, one may be missing, or be of an
    earlier model; then the card leaves it out.

    Raises InputError if neither evaluation measured this model, ModelError if the folder has no model.
    """
    if not any(measured is not None and measured.models for measured in (report, read)):
        raise InputError(f"{path} is the card of a model, but none was measured; name one: --model int8=FOLDER.")
    config = read_config(model_dir)
    checksum = file_checksum(model_dir / "config.json")
    report = report if report is not None and report.shipped == checksum else None
    read = read if read is not None and read.shipped == checksum else None
    if report is None and read is None:
        raise InputError(f"{path} is not written: the evaluation measured another model than the one in {model_dir}.")
    content = card(config, report, read)
    # The hub's own parser fails here if it cannot read the front matter.
    ModelCard(content)
    atomic.write_text(path, content)


def card(config: ModelConfig, report: EvaluationReport | None, read: ReadEvaluationReport | None = None) -> str:
    """The whole card of the shipped model, from one evaluation of it or both."""
    return render(
        tables.TEMPLATES / "card.md.j2",
        project=PROJECT,
        metadata=metadata(config, report, read).to_yaml(),
        config=config,
        data=config.data,
        training=config.training,
        pretraining=config.training.pretraining,
        students=sum(run.teacher is not None for run in config.training.averaged),
        distant_labels=DISTANT_LABELS,
        learned_from_read=config.data.labels == READ,
        report=report,
        read=read,
        shown_tasks=sum(info.is_task and info.canonical == task for task, info in config.task_info.items()),
        read_tables=_read_tables(read) if read else {},
        scores_table=_scores_table(report.systems[report.shipped_model], report.lead, TABLE) if report else "",
        area_table=tables.area_table(report.areas[report.shipped_model]) if report else "",
        commands=recipe.commands(config),
    )


def metadata(
    config: ModelConfig, report: EvaluationReport | None, read: ReadEvaluationReport | None = None
) -> ModelCardData:
    """The front matter: what the hub shows and searches by, and the scores as its `model-index`."""
    results: list[EvalResult] = []
    for name, papers in READ_DATA_SETS.items():
        if read and (scores := read.on(name).get(read.shipped_model)):
            titles = read_tables.COMPARED | read_tables.COMPARED_POSITIVES
            results += _results(scores, READ_HUB_METRICS, titles, papers, read.split, name)
    if report:
        papers = f"Machine-learning papers with {report.labels_name}"
        scores = report.systems[report.shipped_model]
        results += _results(scores, HUB_METRICS, tables.COMPARED, papers, report.split)
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


def _results(
    scores: SystemScores,
    metrics: Mapping[str, str],
    titles: Mapping[str, str],
    papers: str,
    split: str,
    config: str | None = None,
) -> list[EvalResult]:
    """The scores as the hub has them; config: tells sets of papers apart there."""
    return [
        EvalResult(
            task_type="text-classification",
            task_name="Multi-label text classification",
            dataset_type="from-paper-with-tasks",
            dataset_name=papers,
            dataset_config=config,
            dataset_split=split,
            metric_type=metric,
            metric_name=titles[score],
            metric_value=round(scores[score], 4),
        )
        for score, metric in metrics.items()
        if score in scores
    ]


def _read_tables(read: ReadEvaluationReport) -> dict[str, str]:
    """The table of each set, by the set's title."""
    return {
        read_tables.SET_TITLES[name]: _scores_table(
            scores[read.shipped_model],
            read.lead.get(name, {}),
            read_tables.COMPARED_POSITIVES if name == POSITIVES else read_tables.COLUMNS | read_tables.BOTH_LEVELS,
        )
        for name in read.sets
        if read.shipped_model in (scores := read.on(name))
    }


def _scores_table(scores: SystemScores, lead: Mapping[str, Lead], titles: Mapping[str, str]) -> str:
    rows = {}
    for name, title in titles.items():
        if name not in scores:
            continue
        low, high = scores.intervals[name]
        rows[title] = {"score": cell(scores[name]), "interval": f"{cell(low)} to {cell(high)}"}
        if name in lead:
            other = scores[name] - lead[name].difference
            rows[title]["other"] = f"{other:.3f}, {lead[name].best_other}"
    return table("measured", {"score": "score", "interval": "95% interval", "other": "best other system"}, rows)
