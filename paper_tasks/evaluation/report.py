"""What an evaluation measured: the content of `evaluation.json`, and the source of every table, plot and text."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol, Self

Json = dict[str, Any]
Interval = tuple[float, float]
INTERVAL = "_interval"


@dataclass(frozen=True)
class SystemScores:
    """The scores of one system by name, such as `micro_f1`, and the 95% intervals of those that have one."""

    values: dict[str, float]
    intervals: dict[str, Interval]

    def __contains__(self, score: str) -> bool:
        return score in self.values

    def __getitem__(self, score: str) -> float:
        return self.values[score]

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Reads what `to_json` wrote."""
        values = {name: value for name, value in record.items() if not name.endswith(INTERVAL)}
        return cls(values, {name: _interval(record[name + INTERVAL]) for name in values if name + INTERVAL in record})

    def to_json(self) -> Json:
        """Each score, and after it its interval."""
        record: Json = {}
        for name, value in self.values.items():
            record[name] = value
            if name in self.intervals:
                record[name + INTERVAL] = list(self.intervals[name])
        return record


@dataclass(frozen=True)
class Lead:
    """How far the shipped model is ahead of the best other system in one score; negative where it is behind.

    There is no interval if the other system's row is from an earlier evaluation, because its predictions are gone.
    """

    best_other: str
    difference: float
    interval: Interval | None = None

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Reads what `to_json` wrote."""
        interval = _interval(record["interval"]) if "interval" in record else None
        return cls(record["best_other"], record["difference"], interval)

    def to_json(self) -> Json:
        """An interval that is missing is left out."""
        record: Json = {"best_other": self.best_other, "difference": self.difference}
        return record | ({"interval": list(self.interval)} if self.interval else {})


@dataclass(frozen=True)
class AreaScores:
    """The shipped model on the tasks of one area. A score is None where it is not defined.

    Attributes:
        tasks: how many tasks the area has, each under its canonical name.
        papers: how many papers have such a task.
    """

    tasks: int
    papers: int
    micro_f1: float | None = None
    macro_f1: float | None = None
    keyword_recall_at_5: float | None = None
    masked_recall_at_5: float | None = None

    def to_json(self) -> Json:
        """A score that is not defined is left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class ReliabilityBin:
    """The pairs of paper and label with a probability from `probability_from` to the next bin."""

    probability_from: float
    mean_probability: float
    share_right: float
    pairs: int

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Reads what `to_json` wrote."""
        return cls(**{name: record[key] for name, key in RELIABILITY_KEYS.items()})

    def to_json(self) -> Json:
        """The names are those of the columns that a reader sees."""
        return {key: getattr(self, name) for name, key in RELIABILITY_KEYS.items()}


RELIABILITY_KEYS = {
    "probability_from": "probability from",
    "mean_probability": "mean probability",
    "share_right": "share that is right",
    "pairs": "pairs",
}


@dataclass(frozen=True)
class EvaluationReport:
    """Everything that one evaluation measured; the names are the keys of `evaluation.json`.

    Attributes:
        inputs: checksum of the papers that systems learned from and were measured on.
        shipped: checksum of the shipped model's `config.json`; empty without a model.
        split: the split of the measured papers.
        papers: how many papers were measured.
        distant: whether a string matcher made the labels.
        near_duplicates_left_out: how many papers of the split were not measured.
        distant_labels: how many labels the measured papers have.
        keyword_tasks: how many tasks their authors' keywords name.
        keyword_tasks_unmentioned: how many of those tasks neither title nor abstract names.
        keyword_tasks_own: the same of papers whose keywords are all in the authors' own words.
        keyword_tasks_own_unmentioned: how many of those tasks neither title nor abstract names.
        models: names of the exported models; the last one ships.
        notes: what a reader must know about a system.
        systems: the scores of every system, in the order of the tables.
        lead: by score, the shipped model against the best other system.
        areas: by model and area, the scores of the shipped model.
        reliability: the bins of each system that gives probabilities.
        reliability_masked: the same, on texts whose mentions of their labels are cut out.
        kept: systems whose rows are from an earlier evaluation of the same papers.
    """

    inputs: str
    shipped: str
    split: str
    papers: int
    distant: bool
    near_duplicates_left_out: int
    distant_labels: int
    keyword_tasks: int
    keyword_tasks_unmentioned: int
    keyword_tasks_own: int
    keyword_tasks_own_unmentioned: int
    models: list[str]
    notes: dict[str, str]
    systems: dict[str, SystemScores]
    lead: dict[str, Lead]
    areas: dict[str, dict[str, AreaScores]]
    reliability: dict[str, list[ReliabilityBin]]
    reliability_masked: dict[str, list[ReliabilityBin]]
    kept: list[str]

    @property
    def shipped_model(self) -> str:
        """The name of the model that ships. Raises IndexError if no model was measured."""
        return self.models[-1]

    @property
    def labels_name(self) -> str:
        """What texts call the labels that systems are scored against."""
        return "distant labels" if self.distant else "the table's own labels"

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Reads what `to_json` wrote. Raises KeyError or TypeError for anything else."""
        values = {field.name: record[field.name] for field in fields(cls)}
        values["systems"] = {name: SystemScores.from_json(scores) for name, scores in record["systems"].items()}
        values["lead"] = {score: Lead.from_json(lead) for score, lead in record["lead"].items()}
        values["areas"] = {
            model: {area: AreaScores(**scores) for area, scores in areas.items()}
            for model, areas in record["areas"].items()
        }
        for name in ("reliability", "reliability_masked"):
            values[name] = {system: [*map(ReliabilityBin.from_json, bins)] for system, bins in record[name].items()}
        return cls(**values)

    def to_json(self) -> Json:
        """The content of `evaluation.json`."""
        record = {field.name: getattr(self, field.name) for field in fields(self)}
        record["systems"] = {name: scores.to_json() for name, scores in self.systems.items()}
        record["lead"] = {score: lead.to_json() for score, lead in self.lead.items()}
        record["areas"] = {
            model: {area: scores.to_json() for area, scores in areas.items()} for model, areas in self.areas.items()
        }
        for name in ("reliability", "reliability_masked"):
            record[name] = {system: [each.to_json() for each in bins] for system, bins in record[name].items()}
        return record


class Measured(Protocol):
    """What a report of either kind says of its papers and systems."""

    @property
    def inputs(self) -> str: ...

    @property
    def shipped(self) -> str: ...

    @property
    def models(self) -> list[str]: ...

    @property
    def systems(self) -> Mapping[str, object]: ...


def _interval(values: Any) -> Interval:
    low, high = values
    return float(low), float(high)
