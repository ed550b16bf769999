"""Where a model is right, where it errs and why: the tables behind the last notebook's plots.

Arrays are (papers, labels) unless a docstring says otherwise; probabilities and thresholds are from 0 to 1.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_fscore_support

from paper_tasks.data import vocabulary
from paper_tasks.data.distant_labels import Labeller
from paper_tasks.evaluation.evaluation_set import EvaluationSet
from paper_tasks.modeling import metrics
from paper_tasks.tagger.classifier import TaskClassifier
from paper_tasks.tagger.explain import explain


def per_task(
    truth: np.ndarray, predicted: np.ndarray, labels: Sequence[str], train_papers: Sequence[int]
) -> pd.DataFrame:
    """Precision, recall and F1 of each label that occurs in `truth` or was predicted, most frequent first.

    truth, predicted: 0 and 1. train_papers: (labels,), how many papers the model could learn each label from.
    """
    precision, recall, f1, papers = precision_recall_fscore_support(truth, predicted, average=None, zero_division=0)
    table = pd.DataFrame(
        {
            "area": [vocabulary.task(name).area for name in labels],
            "train papers": list(train_papers),
            "test papers": papers,
            "predicted": predicted.sum(axis=0),
            "precision": precision,
            "recall": recall,
            "f1": f1,
        },
        index=pd.Index(labels, name="task"),
    )
    table = table[(table["test papers"] > 0) | (table["predicted"] > 0)]
    return table.sort_values("train papers", ascending=False, kind="stable")


def by_frequency(table: pd.DataFrame, groups: int = 6) -> pd.DataFrame:
    """Mean precision, recall and F1 of groups of like many tasks, rarest first, and their median of train papers.

    table: what `per_task` returned.
    """
    group = (table["train papers"].rank(method="first", pct=True) * groups).apply(np.ceil)
    grouped = table.groupby(group)
    means = grouped[["precision", "recall", "f1"]].mean()
    means.insert(0, "train papers", grouped["train papers"].median())
    means.insert(0, "tasks", grouped.size())
    return means.reset_index(drop=True)


def reliability(truth: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> tuple[pd.DataFrame, float]:
    """How often labels given a probability are right, by equally wide bins, and the expected calibration error.

    The error is the mean distance of the two over all (paper, label) pairs (Naeini et al., 2015).
    """
    lower_end = np.minimum((probabilities.ravel() * bins).astype(int), bins - 1) / bins
    pairs = pd.DataFrame({"mean probability": probabilities.ravel(), "share that is right": truth.ravel()})
    grouped = pairs.groupby(pd.Series(lower_end, name="probability from"))
    table = grouped.mean()
    table["pairs"] = grouped.size()
    gap = (table["mean probability"] - table["share that is right"]).abs()
    return table, float(np.average(gap, weights=table["pairs"]))


def threshold_curve(truth: np.ndarray, probabilities: np.ndarray, thresholds: Sequence[float]) -> pd.DataFrame:
    """Micro-averaged precision, recall and F1, macro-F1 and tags per paper at each threshold for all labels."""
    rows = []
    for threshold in thresholds:
        predicted = (probabilities >= threshold).astype(np.int64)
        hits = (predicted & truth).sum()
        rows.append(
            {
                "threshold": threshold,
                # Who names nothing names nothing wrong.
                "precision": hits / predicted.sum() if predicted.sum() else 1.0,
                "recall": hits / max(1, truth.sum()),
                **metrics.threshold_scores(truth, predicted),
                "tags per paper": predicted.sum(axis=1).mean(),
            }
        )
    return pd.DataFrame(rows).set_index("threshold")


def confusions(truth: np.ndarray, predicted: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """Pairs of a task that was missed and one that was named wrongly instead, in the same paper, most papers first.

    `share` is of the papers in which the first was missed. Arrays are (papers, names).
    """
    missed, wrong = (truth == 1) & (predicted == 0), (truth == 0) & (predicted == 1)
    both = missed.T.astype(np.int64) @ wrong.astype(np.int64)
    rows = [
        (names[first], names[second], both[first, second], both[first, second] / missed[:, first].sum())
        for first, second in zip(*np.nonzero(both), strict=True)
    ]
    table = pd.DataFrame(rows, columns=["missed", "named instead", "papers", "share"])
    return table.sort_values(["papers", "share"], ascending=False, kind="stable", ignore_index=True)


def mistakes(
    held_out: EvaluationSet,
    probabilities: np.ndarray,
    thresholds: np.ndarray,
    classifier: TaskClassifier,
    papers: int = 5,
) -> pd.DataFrame:
    """Wrong tags and missed tasks, a row each, with the reason; of the `papers` with the surest mistakes of each kind.

    A missed task's reason is where its label comes from: words of the text, or an author's keyword alone. A wrong
    tag's is the sentence without which its probability falls most. thresholds: (labels,).
    """
    predicted = held_out.readers.merge((probabilities >= thresholds).astype(np.int64))
    scores, truth = held_out.readers.merge(probabilities), held_out.readers.merge(held_out.truth)
    worst: list[int] = []
    for truly in (0, 1):
        is_mistake = (predicted != truth) & (truth == truly)
        sureness = np.where(is_mistake, np.abs(scores - truth), 0).max(axis=1)
        worst += [int(row) for row in np.argsort(-sureness, kind="stable")[:papers] if sureness[row]]
    rows = []
    for row in dict.fromkeys(worst):
        paper = held_out.papers.iloc[row]
        for place in np.flatnonzero(predicted[row] != truth[row]):
            task = held_out.readers.names[place]
            text = paper["title"], paper["abstract"], task
            is_missed = bool(truth[row, place])
            rows.append(
                {
                    "title": paper["title"],
                    "mistake": "missed" if is_missed else "wrong tag",
                    "task": task,
                    "probability": round(float(scores[row, place]), 3),
                    "reason": why_missed(*text) if is_missed else why_tagged(classifier, *text),
                }
            )
    return pd.DataFrame(rows, columns=["title", "mistake", "task", "probability", "reason"])


def why_missed(title: str, abstract: str, task: str) -> str:
    """Which words of the text gave the task to the paper; or that none did."""
    text = f"{title}\n{abstract}"
    found = [text[mention.start : mention.end] for mention in Labeller([vocabulary.task(task)]).mentions(text)]
    if not found:
        return "not named in the text: the label is from elsewhere, such as an author's keyword"
    words = Counter(" ".join(words.split()) for words in found)
    return "named in the text: " + ", ".join(f"'{phrase}' {number}×" for phrase, number in words.most_common(3))


def why_tagged(classifier: TaskClassifier, title: str, abstract: str, task: str) -> str:
    """The sentence that carries the task most, told as a reason; or that none does."""
    explanation = explain(classifier, title, abstract, task)
    sentences = [span for span in explanation.spans if span.kind == "sentence"]
    if not sentences:
        return "no single sentence decides it"
    span = max(sentences, key=lambda span: span.contribution)
    sentence = explanation.text[span.start : span.end]
    shown = sentence if len(sentence) <= 160 else sentence[:160] + "…"
    return f"without this sentence the probability falls by {explanation.probability - span.without:.2f}: '{shown}'"
