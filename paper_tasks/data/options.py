"""The options of `paper-tasks prepare`; a module of its own, so that `--help` needs no pandas."""

from dataclasses import dataclass
from typing import Annotated

from typer import Option

# The largest seed that numpy takes.
MOST_SEED = 2**32 - 1


@dataclass(frozen=True)
class PrepareOptions:
    """How to filter and split the papers.

    `keyword_test_share` replaces `test_share` for papers whose authors' keywords name a task. Those keywords
    are the only labels here that no string matcher made, so more of these papers are kept for the test.
    """

    min_papers: Annotated[int, Option(min=1, help="Drop tasks that fewer papers have.")] = 30
    dev_share: Annotated[float, Option(min=0.001, max=0.5, help="Share of papers to develop on, 0 to 0.5.")] = 0.1
    test_share: Annotated[float, Option(min=0.001, max=0.5, help="Share of papers to test on, 0 to 0.5.")] = 0.1
    keyword_test_share: Annotated[
        float,
        Option(min=0.001, max=0.5, help="Share to test on of the papers whose authors' keywords name a task."),
    ] = 0.4
    seed: Annotated[int, Option(min=0, max=MOST_SEED, help="The same seed gives the same split.")] = 22
