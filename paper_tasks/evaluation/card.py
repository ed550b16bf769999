"""The model card: what the bundled model learned, what it is for, how good it is, and how to make it again.

Every figure comes from the model's `config.json` or from an evaluation.
"""

from pathlib import Path

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from paper_tasks.errors import InputError
from paper_tasks.evaluation import recipe, tables
from paper_tasks.evaluation.rendering import cell, render, table
from paper_tasks.evaluation.report import EvaluationReport
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
# The hub's names of backbones that a config calls by a shorter name.
HUB_NAMES = {"all-MiniLM-L6-v2": "sentence-transformers/all-MiniLM-L6-v2"}
TABLE = tables.COMPARED | {name: f"tags as given, {title}" for name, title in tables.TAGS.items()}


def write_card(path: Path, model_dir: Path, report: EvaluationReport) -> None:
    """Writes the card of the shipped model, which is in `model_dir`: Markdown with front matter.

    Raises InputError if the evaluation did not measure this model, ModelError if the folder has no model.
    """
    if not report.models:
        raise InputError(f"{path} is the card of a model, but none was measured; name one: --model int8=FOLDER.")
    content = card(read_config(model_dir), report)
    if file_checksum(model_dir / "config.json") != report.shipped:
        raise InputError(f"{path} is not written: the evaluation measured another model than the one in {model_dir}.")
    # The hub's own parser fails here if it cannot read the front matter.
    ModelCard(content)
    atomic.write_text(path, content)


def card(config: ModelConfig, report: EvaluationReport) -> str:
    """The whole card of the shipped model."""
    return render(
        tables.TEMPLATES / "card.md.j2",
        project=PROJECT,
        metadata=metadata(config, report).to_yaml(),
        config=config,
        data=config.data,
        training=config.training,
        pretraining=config.training.pretraining,
        students=sum(run.teacher is not None for run in config.training.averaged),
        distant_labels=DISTANT_LABELS,
        report=report,
        scores=report.systems[report.shipped_model],
        shown_tasks=sum(info.is_task and info.canonical == task for task, info in config.task_info.items()),
        scores_table=_scores_table(report),
        area_table=tables.area_table(report.areas[report.shipped_model]),
        commands=recipe.commands(config),
    )


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
        rows[title] = {"score": cell(scores[name]), "interval": f"{cell(low)} to {cell(high)}"}
        if name in lead:
            other = scores[name] - lead[name].difference
            rows[title]["other"] = f"{other:.3f}, {lead[name].best_other}"
    return table("measured", {"score": "score", "interval": "95% interval", "other": "best other system"}, rows)
