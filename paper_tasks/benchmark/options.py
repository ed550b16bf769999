"""The options of `paper-tasks bench`, `bench-scale` and `bench-load`; `--help` imports nothing else of this package."""

from dataclasses import dataclass
from typing import Annotated, Literal

from typer import Option


@dataclass(frozen=True)
class BenchOptions:
    """What `bench` measures, and how often."""

    papers: Annotated[int, Option(min=1, help="Papers that each system tags.")] = 1000
    threads: Annotated[int, Option(min=1, help="CPU threads of each system.")] = 2
    rounds: Annotated[int, Option(min=1, help="Measurements of each system.")] = 3
    original: Annotated[
        Literal["distilroberta", "tiny"],
        Option(help="Size of the original's model; tiny only tries the benchmark."),
    ] = "distilroberta"


@dataclass(frozen=True)
class ScaleOptions:
    """What `bench-scale` measures, and how often."""

    papers: Annotated[int, Option(min=1, help="Papers that the workers tag.")] = 1000
    rounds: Annotated[int, Option(min=1, help="Measurements of one worker, and of two.")] = 3


@dataclass(frozen=True)
class LoadOptions:
    """How many users `bench-load` simulates, and for how long."""

    users: Annotated[int, Option(min=1, help="Users who ask at the same time.")] = 50
    seconds: Annotated[float, Option(min=1, help="Seconds to measure, after a warm-up.")] = 60.0
