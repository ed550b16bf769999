"""What an evaluation on read labels measured: the content of `read_evaluation.json`, and the source of its texts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from paper_tasks.evaluation.report import Json, Lead, ReliabilityBin, SystemScores


@dataclass(frozen=True)
class SetSize:
    """How much a set of papers holds.

    Attributes:
        papers: all of them.
        tasks: what they work on, summed over the papers.
        without_task: papers that no task fits.
        unmentioned: of the tasks, how many neither title nor abstract names; counted for positives.
        complete: papers whose list of tasks is complete; counted for positives.
    """

    papers: int
    tasks: int
    without_task: int = 0
    unmentioned: int = 0
    complete: int = 0


@dataclass(frozen=True)
class ReadEvaluationReport:
    """Everything that one evaluation measured; the names are the keys of `read_evaluation.json`.

    A set is `READ`, `MODERN` or `POSITIVES`; a set that the prepared folder lacks is nowhere.

    Attributes:
        inputs: checksum of the papers that systems learned from and were measured on.
        shipped: checksum of the shipped model's `config.json`; empty without a model.
        split: "test" or "dev".
        sets: the size of each set.
        models: names of the exported models; the last one ships.
        notes: what a reader must know about a system.
        systems: by system and set, the scores, in the order of the tables.
        lead: by set and score, the shipped model against the best other system.
        reliability: the bins of the tags of each system that gives probabilities, on the set `READ`.
        kept: systems whose rows are from an earlier evaluation of the same papers.
    """

    inputs: str
    shipped: str
    split: str
    sets: dict[str, SetSize]
    models: list[str]
    notes: dict[str, str]
    systems: dict[str, dict[str, SystemScores]]
    lead: dict[str, dict[str, Lead]]
    reliability: dict[str, list[ReliabilityBin]]
    kept: list[str]

    @property
    def shipped_model(self) -> str:
        """The name of the model that ships. Raises IndexError if no model was measured."""
        return self.models[-1]

    def on(self, paper_set: str) -> dict[str, SystemScores]:
        """The scores of every system on one set."""
        return {name: scores[paper_set] for name, scores in self.systems.items() if paper_set in scores}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Reads what `to_json` wrote. Raises KeyError or TypeError for anything else."""
        values = {field.name: record[field.name] for field in fields(cls)}
        values["sets"] = {name: SetSize(**size) for name, size in record["sets"].items()}
        values["systems"] = {
            system: {name: SystemScores.from_json(scores) for name, scores in sets.items()}
            for system, sets in record["systems"].items()
        }
        values["lead"] = {
            name: {score: Lead.from_json(lead) for score, lead in leads.items()}
            for name, leads in record["lead"].items()
        }
        values["reliability"] = {
            system: [*map(ReliabilityBin.from_json, bins)] for system, bins in record["reliability"].items()
        }
        return cls(**values)

    def to_json(self) -> Json:
        """The content of `read_evaluation.json`."""
        record = {field.name: getattr(self, field.name) for field in fields(self)}
        record["sets"] = {name: asdict(size) for name, size in self.sets.items()}
        record["systems"] = {
            system: {name: scores.to_json() for name, scores in sets.items()} for system, sets in self.systems.items()
        }
        record["lead"] = {
            name: {score: lead.to_json() for score, lead in leads.items()} for name, leads in self.lead.items()
        }
        record["reliability"] = {system: [each.to_json() for each in bins] for system, bins in self.reliability.items()}
        return record
