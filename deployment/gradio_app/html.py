"""The parts of the page that are HTML: ranked tasks, the reasons for one task, the tasks of a file of papers."""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import pairwise
from typing import NamedTuple

from deployment.common.wording import ONLY_ALSO, TOO_SHORT
from paper_tasks.io.rows import Row
from paper_tasks.tagger.explain import Explanation, Span

# Tasks that are shown below the threshold.
NEAREST = 3
# Probabilities below a text that is explained, and the characters of each part that they repeat.
FIGURES, FIGURE_CHARACTERS = 5, 60
# Tasks in the chart of a file.
MOST_TASKS = 20
# A longer list of broken rows is folded.
FEW_ROWS = 10

PROMPT = "<p class='note'>The tasks appear here, with the probability that the paper works on them.</p>"
LEGEND = {"mention": "names the task", "word": "words that count", "sentence": "sentences that count"}


class TaskRow(NamedTuple):
    """A task to show, with the probability that holds at its level."""

    task: str
    probability: float
    level: str
    area: str


def tags_html(
    main: Sequence[TaskRow],
    also: Sequence[TaskRow],
    nearest: Sequence[TaskRow],
    threshold: float,
    topics: Sequence[str] = (),
    note: str = "",
) -> str:
    """Tasks that the paper works on, tasks that also fit it, the nearest below the threshold, and the topics.

    Within a level they are grouped by area, the likeliest area first. A note comes before them all. Each task is a
    button with a bar, on which the threshold is marked.
    """
    html = [f"<p class='note'>{escape(note)}</p>"] if note else []
    if also and not main:
        html.append(f"<p class='note'>{ONLY_ALSO}</p>")
    elif not main and not note:
        html.append(f"<p class='note'>No task reaches {threshold:.0%}. {TOO_SHORT}</p>")
    for heading, rows, kind in (("Works on", main, "tags"), ("Also", also, "tags also")):
        if rows:
            html.append(f"<h2 class='level'>{heading}</h2>{_by_area(rows, kind, threshold)}")
    if nearest:
        html.append(f"<h2 class='area'>less certain, below {threshold:.0%}</h2>")
        html.append(_list(nearest, "tags faint", threshold))
    if topics:
        html.append(f"<p class='topics'>Topics: {escape(', '.join(topics))}</p>")
    return "".join(html)


def reasons_html(explanation: Explanation) -> str:
    """The text with the parts that carried the task marked, a legend, and the probability without each part."""
    heading = f"<h2>Why {escape(explanation.task)}, {explanation.probability:.0%}?</h2>"
    kinds = {span.kind for span in explanation.spans}
    legend = "".join(f"<mark class='{kind}'>{words}</mark>" for kind, words in LEGEND.items() if kind in kinds)
    if not kinds:
        note = "No sentence or word carries it alone: the probability stays much the same whichever is left out."
        legend = f"<span class='note'>{note}</span>"
    return (
        f"<div class='reasons' role='status'>{heading}<p class='legend'>{legend}</p>"
        f"<p class='reading'>{_marked(explanation.text, explanation.spans)}</p>{_figures(explanation)}</div>"
    )


def batch_html(tagged: int, counts: Sequence[tuple[str, int]], broken: Sequence[Row]) -> str:
    """The number of tagged papers, each broken row with its line and reason, and the most frequent tasks as bars."""
    html = [f"<p>{tagged:,} {'paper' if tagged == 1 else 'papers'} tagged, {len(broken):,} left out.</p>"]
    if broken:
        rows = "".join(f"<li>{escape(f'{row.position}: {row.problem}')}</li>" for row in broken)
        opened = " open" if len(broken) <= FEW_ROWS else ""
        html.append(f"<details{opened}><summary>Rows left out</summary><ul class='broken'>{rows}</ul></details>")
    if counts:
        most = counts[0][1]
        bars = "".join(
            f"<tr><th scope='row'>{escape(task)}</th><td>{count:,}</td><td class='chart' aria-hidden='true'>"
            f"<span class='fill' style='width:{max(1, round(100 * count / most))}%'></span></td></tr>"
            for task, count in counts[:MOST_TASKS]
        )
        more = f", the {MOST_TASKS} most frequent of {len(counts)}" if len(counts) > MOST_TASKS else ""
        html.append(
            f"<table class='counts'><caption>Papers that work on each task{more}</caption><tbody>{bars}</tbody></table>"
        )
    return "".join(html)


def _by_area(rows: Iterable[TaskRow], kind: str, threshold: float) -> str:
    areas: dict[str, list[TaskRow]] = {}
    for row in rows:
        areas.setdefault(row.area, []).append(row)
    return "".join(
        f"<h3 class='area'>{escape(area)}</h3>{_list(of_area, kind, threshold)}" for area, of_area in areas.items()
    )


def _list(rows: Iterable[TaskRow], kind: str, threshold: float) -> str:
    return f"<ol class='{kind}'>{''.join(_item(row, threshold) for row in rows)}</ol>"


def _item(row: TaskRow, threshold: float) -> str:
    return (
        f"<li><button type='button' data-task='{escape(row.task)}' data-level='{row.level}' aria-pressed='false'>"
        f"<span class='line'><span class='task'>{escape(row.task)}</span><span class='why'>why?</span>"
        f"<span class='percent'>{row.probability:.0%}</span></span>"
        f"<span class='bar' aria-hidden='true'>"
        f"<span class='fill' style='width:{max(1, round(100 * row.probability))}%'></span>"
        f"<span class='threshold' style='left:{100 * threshold:.0f}%'></span></span></button></li>"
    )


def _marked(text: str, spans: Sequence[Span]) -> str:
    """The escaped text, cut wherever a span starts or ends; each piece has the kinds of all spans over it."""
    cuts = sorted({0, len(text), *(span.start for span in spans), *(span.end for span in spans)})
    html = []
    for start, end in pairwise(cuts):
        covering = [span for span in spans if span.start <= start and end <= span.end]
        piece = escape(text[start:end])
        if covering:
            shortest = min(covering, key=lambda span: span.end - span.start)
            kinds = " ".join(sorted({span.kind for span in covering}))
            piece = f"<mark class='{kinds}' title='{_left(shortest)} without it'>{piece}</mark>"
        html.append(piece)
    return "".join(html)


def _figures(explanation: Explanation) -> str:
    """A list of the parts that count most, with the probability without each; all mentions of the task are one part.

    A part is not listed if the probability without it looks the same.
    """
    shown = f"{explanation.probability:.0%}"
    spans = [span for span in explanation.spans if _left(span) != shown]
    mentions = [span for span in spans if span.kind == "mention"]
    others = sorted((span for span in spans if span.kind != "mention"), key=lambda span: -span.contribution)
    rows = [f"without its name: {_left(span)}" for span in mentions[:1]]
    for span in others[: FIGURES - len(rows)]:
        words = explanation.text[span.start : span.end]
        if len(words) > FIGURE_CHARACTERS:
            words = words[: FIGURE_CHARACTERS - 3].rsplit(" ", 1)[0] + " …"
        rows.append(f"without “{escape(words)}”: {_left(span)}")
    return f"<ul>{''.join(f'<li>{row}</li>' for row in rows)}</ul>"


def _left(span: Span) -> str:
    """The probability without a span; words instead where no text is left to have one."""
    return "no word is left" if span.is_all else f"{span.without:.0%}"
