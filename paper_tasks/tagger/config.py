"""What a model's folder says of the model: `config.json` as dataclasses.

JSON objects here keep the keys that they have on disk: `to_json` gives what `from_json` read.
"""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin

FORMAT_VERSION = 1
TOKENIZER = "tokenizer.json"
# Tokens of a text that an encoder reads by default; docs/experiments.md has what other numbers cost.
ENCODER_TOKENS = 192

Json = dict[str, Any]
Record = TypeVar("Record")


@dataclass(frozen=True)
class TaskInfo:
    """What a reader should know of a task name; see `paper_tasks.data.vocabulary.Task`."""

    area: str
    canonical: str
    is_task: bool


@dataclass(frozen=True)
class DataRecord:
    """The papers that a model was trained on, as `prepare` reported them. labels: where their tasks come from."""

    source: str
    labels: str
    papers_train: int
    papers_dev: int
    papers_test: int
    tasks_per_paper: float
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PretrainingRecord:
    """How an encoder was pretrained: what `pretrain` writes to `pretraining.json`. options: all others it was given."""

    backbone: str
    texts: int
    different_phrases: int
    papers_seen: int
    minutes: float
    device: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "PretrainingRecord":
        """Raises KeyError for a key that is missing, ValueError for a value of another type."""
        return _read(cls, {**record, "options": _rest(cls, record)})

    def to_json(self) -> Json:
        """The keys of `pretraining.json`."""
        return {**self.options, **_values(self)}


@dataclass(frozen=True)
class TeacherRecord:
    """The model whose probabilities another one learned from. share: of each label that was the teacher's."""

    backbone: str
    papers_seen: int
    share: float


@dataclass(frozen=True)
class DevScores:
    """How a model scored on some development papers when its training ended."""

    papers: int
    micro_f1: float
    macro_f1: float
    threshold: float


@dataclass(frozen=True)
class TrainingRecord:
    """How a model was trained: what `train` and `average` write to `training.json`, and `export` to `config.json`.

    Attributes:
        mask_rate: None where averaged models had different ones; so are `device`, `teacher` and `dev`.
        options: all other options of the training, under their names of that time.
        held_out: checksum of which papers were held out.
        averaged: the records of the models that this one is the average of.
        data, exported: the papers and the day (YYYY-MM-DD), known since the export.
    """

    backbone: str
    max_length: int
    text_format: str
    mask_rate: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    held_out: str | None = None
    pretraining: PretrainingRecord | None = None
    runs: int = 1
    papers_seen: int = 0
    minutes: float = 0.0
    device: str | None = None
    teacher: TeacherRecord | None = None
    dev: DevScores | None = None
    averaged: tuple["TrainingRecord", ...] = ()
    data: DataRecord | None = None
    exported: str | None = None

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "TrainingRecord":
        """Raises KeyError for a key that is missing, ValueError or TypeError for a value of another type."""
        if not isinstance(record, Mapping):
            raise ValueError(f"training is {type(record).__name__}")
        values = {**record, "options": _rest(cls, record)}
        for name, kind in (("teacher", TeacherRecord), ("dev", DevScores), ("data", DataRecord)):
            if name in record:
                values[name] = _read(kind, record[name])
        if "pretraining" in record:
            values["pretraining"] = PretrainingRecord.from_json(record["pretraining"])
        # Each is written without what it has in common with the average.
        common = {name: value for name, value in record.items() if name != "averaged"}
        values["averaged"] = tuple(cls.from_json(common | own) for own in record.get("averaged", ()))
        return _read(cls, values)

    def to_json(self) -> Json:
        """The keys of `training.json`."""
        values: Json = {**self.options, **_values(self)}
        for name in ("teacher", "dev", "data"):
            if name in values:
                values[name] = asdict(values[name])
        if self.data is not None and not self.data.options:
            del values["data"]["options"]
        if self.pretraining is not None:
            values["pretraining"] = self.pretraining.to_json()
        del values["averaged"]
        own = [one.to_json() for one in self.averaged]
        if own:
            values["averaged"] = [
                {name: value for name, value in one.items() if name not in values or values[name] != value}
                for one in own
            ]
        return values


@dataclass(frozen=True)
class ExportScores:
    """How an export scored on some papers of a split; empty while an export is being tried.

    tiers: each score by its name, for each of "fp32", "int8" and "fast". labels: where the papers' tasks come from.
    """

    tiers: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    split: str = ""
    papers: int = 0
    labels: str = ""

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "ExportScores":
        """Raises ValueError for a value of another type."""
        if not isinstance(record, Mapping):
            raise ValueError(f"scores is {type(record).__name__}")
        tiers = {name: scores for name, scores in record.items() if isinstance(scores, Mapping)}
        return _read(cls, {**record, "tiers": tiers})

    def to_json(self) -> Json:
        """The keys of `scores` in `config.json`."""
        if not self.tiers:
            return {}
        values = _values(self)
        return {**values.pop("tiers"), **values}


@dataclass(frozen=True)
class ModelConfig:
    """`config.json` of an exported model.

    Attributes:
        backbone: name of the encoder, as a reader should know it.
        max_length: tokens of a text at which the tokenizer cuts; names and words are sought in all of them.
        encoder_tokens: tokens of a text that the encoder reads.
        labels: task names in vocabulary order.
        thresholds: for each label, the probability (0 to 1) from which the model names it.
        files: the files of the folder, each with its SHA-256 in hexadecimal.
        fits_threshold: the probability from which a task fits a paper at all; None for a model that gives none.
    """

    backbone: str
    max_length: int
    encoder_tokens: int
    text_format: str
    labels: tuple[str, ...]
    task_info: Mapping[str, TaskInfo]
    training: TrainingRecord
    scores: ExportScores
    default_threshold: float
    thresholds: tuple[float, ...]
    files: Mapping[str, str]
    fits_threshold: float | None = None

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "ModelConfig":
        """Reads and checks `config.json`.

        Raises KeyError for a key that is missing, and AttributeError, IndexError, TypeError or ValueError for a value
        of another type or out of range.
        """
        config = _read(
            cls,
            {
                **record,
                "labels": tuple(record["labels"]),
                "thresholds": tuple(record["thresholds"]),
                "task_info": {name: _read(TaskInfo, info) for name, info in record["task_info"].items()},
                "training": TrainingRecord.from_json(record["training"]),
                "scores": ExportScores.from_json(record["scores"]),
            },
        )
        config._check()
        return config

    def to_json(self) -> Json:
        """The keys of `config.json`."""
        return {
            "format_version": FORMAT_VERSION,
            **_values(self),
            "labels": list(self.labels),
            "thresholds": list(self.thresholds),
            "task_info": {name: asdict(info) for name, info in self.task_info.items()},
            "training": self.training.to_json(),
            "scores": self.scores.to_json(),
            "files": dict(self.files),
        }

    @property
    def data(self) -> DataRecord:
        """The papers that the model was trained on."""
        if self.training.data is None:
            raise ValueError("training has no data")
        return self.training.data

    @property
    def onnx_file(self) -> str:
        """The name of the ONNX model in the folder."""
        (name,) = (name for name in self.files if name.endswith(".onnx"))
        return name

    def _check(self) -> None:
        if not self.labels or len(set(self.labels)) != len(self.labels):
            raise ValueError("labels are missing or repeated")
        if len(self.thresholds) != len(self.labels):
            raise ValueError(f"{len(self.thresholds)} thresholds for {len(self.labels)} labels")
        if not all(0 <= one <= 1 for one in (*self.thresholds, self.default_threshold, self.fits_threshold or 0)):
            raise ValueError("thresholds are from 0 to 1")
        if min(self.max_length, self.encoder_tokens) < 1:
            raise ValueError("max_length and encoder_tokens are numbers of tokens")
        if self.training.data is None:
            raise ValueError("training has no data")
        for label in self.labels:
            if label not in self.task_info:
                raise ValueError(f"task_info has no '{label}'")
        self.text_format.format(title="", abstract="")
        if any(Path(name).name != name for name in self.files):
            raise ValueError("files lie in the folder itself")
        if TOKENIZER not in self.files or sum(name.endswith(".onnx") for name in self.files) != 1:
            raise ValueError(f"files are one ONNX model and {TOKENIZER}")


def _read(kind: type[Record], values: Mapping[str, Any]) -> Record:
    """A dataclass from values by the names of its fields, checked for their types."""
    arguments = {}
    for one in fields(kind):  # type: ignore[arg-type]  # a dataclass, which `type` does not say
        if one.name not in values and (one.default is not MISSING or one.default_factory is not MISSING):
            continue
        value: Any = values[one.name]
        if not isinstance(value, _classes(one.type)):
            raise ValueError(f"{one.name} is {type(value).__name__}")
        arguments[one.name] = value
    return kind(**arguments)


def _classes(annotation: Any) -> tuple[type, ...]:
    """The classes that a value of a field may have; JSON writes some floats as whole numbers."""
    members = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    classes = tuple(get_origin(member) or member for member in members)
    return (*classes, int) if float in classes else classes


def _rest(kind: type, record: Mapping[str, Any]) -> Json:
    """What a record has besides the fields of a dataclass."""
    names = {one.name for one in fields(kind)}
    return {name: value for name, value in record.items() if name not in names}


def _values(record: Any) -> Json:
    """The fields of a dataclass that have a value, but for its `options`."""
    values = {one.name: getattr(record, one.name) for one in fields(record) if one.name != "options"}
    return {name: value for name, value in values.items() if value is not None}
