"""How far the model that ships is ahead of all other systems."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from paper_tasks.evaluation.report import Lead, SystemScores
from paper_tasks.modeling import metrics
from paper_tasks.modeling.metrics import Statistic


def leads(
    shipped: str,
    others: Sequence[str],
    systems: Mapping[str, SystemScores],
    compared: Iterable[str],
    statistics: Callable[[str], Mapping[str, Statistic] | None],
    bootstrap: metrics.Bootstrap,
) -> dict[str, Lead]:
    """The shipped system against the best of the others in each of the `compared` scores; more is better in them.

    statistics: gives a system's scores as functions of the papers, or None where its predictions are gone. Then there
    is no interval.
    """
    best_others = {}
    for score in compared:
        rivals = {name: systems[name][score] for name in others if score in systems[name]}
        if rivals and score in systems[shipped]:
            best_others[score] = max(rivals, key=rivals.__getitem__)
    found = {name: statistics(name) for name in {shipped, *best_others.values()}}
    lead = {}
    for score, other in best_others.items():
        interval = None
        ours, theirs = found[shipped], found[other]
        if ours is not None and theirs is not None:
            interval = metrics.interval(bootstrap.values(ours[score]) - bootstrap.values(theirs[score]))
        lead[score] = Lead(other, systems[shipped][score] - systems[other][score], interval)
    return lead
