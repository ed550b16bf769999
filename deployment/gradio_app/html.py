"""The pieces of the page that are HTML: ranked tasks, the reasons for one, what came of many papers."""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import pairwise
from typing import NamedTuple

from paper_tasks.io.rows import Row as TableRow
from paper_tasks.tagger.explain import Explanation, Span

# Tasks shown below the threshold, and figures below a text that is explained.
NEAREST = 3
FIGURES = 5
# Tasks in the chart of many papers, and broken rows that are shown unasked.
TOP = 20
FEW = 10

CSS = """
.dark { --color-accent: var(--primary-400); }
.area { margin: 0.9rem 0 0.2rem; font-size: 0.85em; font-weight: 600; color: var(--body-text-color-subdued); }
.area:first-child { margin-top: 0; }
.tags { list-style: none; margin: 0; padding: 0; }
.tags button { display: block; width: 100%; padding: 0.4rem 0.5rem; text-align: left; border-radius: 0.4rem;
  color: var(--body-text-color); border: 1px solid transparent; background: none; cursor: pointer; }
.tags button:hover, .tags button[aria-pressed="true"] { border-color: var(--color-accent); }
:is(.tags button, input[type=range]):focus-visible { outline: 2px solid var(--color-accent); }
.tags .line { display: flex; gap: 0.75rem; align-items: baseline; }
.tags .task { flex: 1; font-weight: 600; }
.tags .why { font-size: 0.85em; text-decoration: underline; color: var(--body-text-color-subdued); }
.tags .percent { min-width: 2.5em; text-align: right; font-variant-numeric: tabular-nums; }
.tags .bar { position: relative; display: block; height: 0.4rem; margin-top: 0.35rem; border-radius: 0.2rem;
  background: var(--border-color-primary); }
.tags .fill { display: block; height: 100%; border-radius: 0.2rem; background: var(--color-accent); }
.tags .threshold { position: absolute; top: -0.2rem; bottom: -0.2rem; width: 2px; background: var(--body-text-color); }
.tags.faint .task { font-weight: 400; }
.tags.faint .fill { background: var(--body-text-color-subdued); }
.counts { width: 100%; border-collapse: collapse; color: var(--body-text-color); }
.counts caption { text-align: left; font-weight: 600; padding: 0.5rem 0; }
.counts th { text-align: left; font-weight: 400; padding: 0.15rem 0.75rem 0.15rem 0; width: 40%; }
#report .counts, #report .counts :is(tr, th, td) { border: 0; }
.counts td { text-align: right; padding-right: 0.5rem; font-variant-numeric: tabular-nums; }
.counts .chart { width: 50%; }
.counts .fill { display: block; height: 0.8rem; border-radius: 0.2rem; background: var(--color-accent); }
:is(#about, #card) h2 { font-size: 1.1rem; }
:is(#about, #card) :is(th, td) { overflow-wrap: normal; word-break: normal; padding: 0.4rem 0.6rem; }
/* Code that is wider than a phone would have to be moved sideways, which no keyboard can. */
#card pre code { white-space: pre-wrap; overflow-wrap: anywhere; }
.plots figure { margin: 0 0 1.5rem; }
.plots div { overflow-x: auto; }
/* On a phone it is moved sideways: smaller, nobody could read it. */
.plots img { min-width: min(40rem, 200vw); max-width: 100%; border-radius: 0.4rem; }
.note { color: var(--body-text-color-subdued); margin: 0 0 0.5rem; }
.reasons { --sentence: #d5f5ef; --word: #8fe3d5; overflow-wrap: anywhere; }
.dark .reasons { --sentence: #134e4a; --word: #0f766e; }
.reasons h2 { margin: 0.5rem 0; font-size: 1.1rem; }
.reasons .reading { line-height: 1.9; }
.reasons mark { color: inherit; background: var(--sentence); border-bottom: 2px dotted var(--body-text-color-subdued); }
.reasons mark.word { background: var(--word); border-bottom: 2px solid var(--body-text-color); }
.reasons mark.mention { font-weight: 700; border-bottom: 3px double var(--body-text-color); }
.reasons .legend mark { padding: 0 0.3em; margin-right: 0.6em; white-space: nowrap; }
.reasons li { margin: 0.15rem 0; }
"""

# Buttons within the list of tasks tell Python which was chosen; all else in the list is no button.
CHOOSE_JS = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-task]");
  if (!button) return;
  for (const other of element.querySelectorAll("button[data-task]"))
    other.setAttribute("aria-pressed", other === button);
  trigger("click", {task: button.dataset.task});
});
"""
# On a phone the tasks lie below the form, and the reasons below the tasks.
SHOW_TAGS_JS = """
() => requestAnimationFrame(() => document.querySelector("#tags")?.scrollIntoView({block: "nearest"}))
"""
SHOW_JS = """
watch("value", () => { if (element.querySelector(".reasons")) element.scrollIntoView({block: "nearest"}); });
"""

PROMPT = "<p class='note'>The tasks appear here, with the probability that the paper works on them.</p>"
LEGEND = {"mention": "names the task", "word": "words that count", "sentence": "sentences that count"}


class Row(NamedTuple):
    """A task to show."""

    task: str
    probability: float
    area: str


def tags_html(tags: Sequence[Row], threshold: float, nearest: Sequence[Row], note: str = "") -> str:
    """Tasks grouped by area, the likeliest area first, each a button with a bar on which the threshold is marked;
    then the nearest below the threshold. A note stands before them all."""
    areas: dict[str, list[Row]] = {}
    for tag in tags:
        areas.setdefault(tag.area, []).append(tag)
    html = [f"<p class='note'>{escape(note)}</p>"] if note else []
    html += [f"<h2 class='area'>{escape(area)}</h2>{_list(rows, 'tags', threshold)}" for area, rows in areas.items()]
    if not tags and not note:
        html.append(
            f"<p class='note'>No task reaches {threshold:.0%}. A text of a sentence or two often tells the model too "
            "little, and a whole abstract more; or the paper works on none of the tasks it knows.</p>"
        )
    if nearest:
        html.append(f"<h2 class='area'>less certain, below {threshold:.0%}</h2>")
        html.append(_list(nearest, "tags faint", threshold))
    return "".join(html)


def reasons_html(explanation: Explanation) -> str:
    """The text with what carried the task marked in it, a legend, and what the probability is without each part."""
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


def batch_html(tagged: int, counts: Sequence[tuple[str, int]], broken: Sequence[TableRow]) -> str:
    """How many papers were tagged, the most frequent tasks as bars, and every broken row with its line and reason."""
    html = [f"<p>{tagged:,} {'paper' if tagged == 1 else 'papers'} tagged, {len(broken):,} left out.</p>"]
    if broken:
        rows = "".join(f"<li>{escape(f'{row.position}: {row.problem}')}</li>" for row in broken)
        opened = " open" if len(broken) <= FEW else ""
        html.append(f"<details{opened}><summary>Rows left out</summary><ul class='broken'>{rows}</ul></details>")
    if counts:
        most = counts[0][1]
        bars = "".join(
            f"<tr><th scope='row'>{escape(task)}</th><td>{count:,}</td><td class='chart' aria-hidden='true'>"
            f"<span class='fill' style='width:{max(1, round(100 * count / most))}%'></span></td></tr>"
            for task, count in counts[:TOP]
        )
        more = f", the {TOP} most frequent of {len(counts)}" if len(counts) > TOP else ""
        html.append(
            f"<table class='counts'><caption>Papers with each task{more}</caption><tbody>{bars}</tbody></table>"
        )
    return "".join(html)


def _list(rows: Iterable[Row], kind: str, threshold: float) -> str:
    return f"<ol class='{kind}'>{''.join(_item(row, threshold) for row in rows)}</ol>"


def _item(row: Row, threshold: float) -> str:
    return (
        f"<li><button type='button' data-task='{escape(row.task)}' aria-pressed='false'>"
        f"<span class='line'><span class='task'>{escape(row.task)}</span><span class='why'>why?</span>"
        f"<span class='percent'>{row.probability:.0%}</span></span>"
        f"<span class='bar' aria-hidden='true'>"
        f"<span class='fill' style='width:{max(1, round(100 * row.probability))}%'></span>"
        f"<span class='threshold' style='left:{100 * threshold:.0f}%'></span></span></button></li>"
    )


def _marked(text: str, spans: Sequence[Span]) -> str:
    """The text, escaped, cut wherever a span starts or ends; each piece carries the kinds of all spans over it."""
    cuts = sorted({0, len(text), *(span.start for span in spans), *(span.end for span in spans)})
    html = []
    for start, end in pairwise(cuts):
        over = [span for span in spans if span.start <= start and end <= span.end]
        piece = escape(text[start:end])
        if over:
            least = min(over, key=lambda span: span.end - span.start)
            kinds = " ".join(sorted({span.kind for span in over}))
            piece = f"<mark class='{kinds}' title='{_left(least)} without it'>{piece}</mark>"
        html.append(piece)
    return "".join(html)


def _figures(explanation: Explanation) -> str:
    """The parts that count most, and the probability where it is another without them; all mentions together."""
    shown = f"{explanation.probability:.0%}"
    spans = [span for span in explanation.spans if _left(span) != shown]
    mentions = [span for span in spans if span.kind == "mention"]
    others = sorted((span for span in spans if span.kind != "mention"), key=lambda span: -span.contribution)
    rows = [f"without its name: {_left(span)}" for span in mentions[:1]]
    for span in others[: FIGURES - len(rows)]:
        words = explanation.text[span.start : span.end]
        words = words if len(words) <= 60 else words[:57].rsplit(" ", 1)[0] + " …"
        rows.append(f"without “{escape(words)}”: {_left(span)}")
    return f"<ul>{''.join(f'<li>{row}</li>' for row in rows)}</ul>"


def _left(span: Span) -> str:
    """The probability without it; in words where there is no text to have one."""
    return "no word is left" if span.is_all else f"{span.without:.0%}"
