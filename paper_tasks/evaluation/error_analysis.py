"""Where a model is right, where it is wrong and why: the tables behind the last notebook's plots.

Arrays are (papers, labels) unless a docstring says otherwise. Probabilities and thresholds are from 0 to 1.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_fscore_support

from paper_tasks.data import vocabulary
from paper_tasks.data.distant_labels import Labeller
from paper_tasks.evaluation.evaluation_set import EvaluationSet
from paper_tasks.evaluation.report import ReliabilityBin
from paper_tasks.modeling import metrics
from paper_tasks.tagger.classifier import TaskClassifier
from paper_tasks.tagger.explain import explain


def per_task(
    truth: np.ndarray, predicted: np.ndarray, labels: Sequence[str], train_papers: Sequence[int]
) -> pd.DataFrame:
    """Precision, recall and F1 of each label that occurs in `truth` or was predicted, most frequent first.

    truth, predicted: 0 and 1. train_papers: (labels,), from how many papers the model could learn each label.
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
    """Mean precision, recall and F1 in equally large groups of tasks, rarest first, with their median train papers.

    table: what `per_task` returned.
    """
    group = (table["train papers"].rank(method="first", pct=True) * groups).apply(np.ceil)
    grouped = table.groupby(group)
    means = grouped[["precision", "recall", "f1"]].mean()
    means.insert(0, "train papers", grouped["train papers"].median())
    means.insert(0, "tasks", grouped.size())
    return means.reset_index(drop=True)


def reliability(truth: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> tuple[pd.DataFrame, float]:
    """How often labels of a probability are right, in equally wide bins, and `metrics.calibration_error`."""
    lower_end = metrics.probability_bins(probabilities.ravel(), bins) / bins
    pairs = pd.DataFrame({"mean probability": probabilities.ravel(), "share that is right": truth.ravel()})
    grouped = pairs.groupby(pd.Series(lower_end, name="probability from"))
    table = grouped.mean()
    table["pairs"] = grouped.size()
    return table, metrics.calibration_error(truth, probabilities, bins).value()


def reliability_bins(truth: np.ndarray, probabilities: np.ndarray) -> list[ReliabilityBin]:
    """The table of `reliability` as a report holds it."""
    table, _ = reliability(truth, probabilities)
    return [ReliabilityBin.from_json(row) for row in table.reset_index().to_dict("records")]


def threshold_curve(truth: np.ndarray, probabilities: np.ndarray, thresholds: Sequence[float]) -> pd.DataFrame:
    """Micro-averaged precision, recall and F1, macro-F1 and tags per paper, at each threshold for all labels."""
    rows = []
    for threshold in thresholds:
        predicted = (probabilities >= threshold).astype(np.int64)
        hits = (predicted & truth).sum()
        rows.append(
            {
                "threshold": threshold,
                # Without any tag, no tag is wrong.
                "precision": hits / predicted.sum() if predicted.sum() else 1.0,
                "recall": hits / max(1, truth.sum()),
                **metrics.threshold_scores(truth, predicted),
                "tags per paper": predicted.sum(axis=1).mean(),
            }
        )
    return pd.DataFrame(rows).set_index("threshold")


def confusions(truth: np.ndarray, predicted: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """Pairs of a missed task and a wrongly predicted one in the same paper, by the number of papers.

    `share` is the share of the papers that miss the first task. Arrays are (papers, names).
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
    evaluation_set: EvaluationSet,
    probabilities: np.ndarray,
    thresholds: np.ndarray,
    classifier: TaskClassifier,
    papers: int = 5,
) -> pd.DataFrame:
    """The wrong tags and the missed tasks of the `papers` with the most certain mistakes of each kind, with reasons.

    A missed task's reason is the source of its label: words of the text, or something else. A wrong tag's reason is
    the sentence without which its probability falls most. thresholds: (labels,).
    """
    merge = evaluation_set.canonical_tasks.merge
    predicted = merge((probabilities >= thresholds).astype(np.int64))
    scores, truth = merge(probabilities), merge(evaluation_set.truth)
    worst: list[int] = []
    for true_value in (0, 1):
        is_mistake = (predicted != truth) & (truth == true_value)
        certainty = np.where(is_mistake, np.abs(scores - truth), 0).max(axis=1)
        worst += [int(row) for row in np.argsort(-certainty, kind="stable")[:papers] if certainty[row]]
    rows = []
    for row in dict.fromkeys(worst):
        paper = evaluation_set.papers.iloc[row]
        for index in np.flatnonzero(predicted[row] != truth[row]):
            task = evaluation_set.canonical_tasks.names[index]
            text = paper["title"], paper["abstract"], task
            is_missed = bool(truth[row, index])
            rows.append(
                {
                    "title": paper["title"],
                    "mistake": "missed" if is_missed else "wrong tag",
                    "task": task,
                    "probability": round(float(scores[row, index]), 3),
                    "reason": why_missed(*text) if is_missed else why_tagged(classifier, *text),
                }
            )
    return pd.DataFrame(rows, columns=["title", "mistake", "task", "probability", "reason"])


def why_missed(title: str, abstract: str, task: str) -> str:
    """The words of the text from which the paper has the task; or a sentence that says there are none."""
    text = f"{title}\n{abstract}"
    found = [text[mention.start : mention.end] for mention in Labeller([vocabulary.task(task)]).mentions(text)]
    if not found:
        return "not named in the text: the label is from elsewhere, such as an author's keyword"
    words = Counter(" ".join(words.split()) for words in found)
    return "named in the text: " + ", ".join(f"'{phrase}' {number}×" for phrase, number in words.most_common(3))


def why_tagged(classifier: TaskClassifier, title: str, abstract: str, task: str) -> str:
    """The sentence that raises the task's probability most; or a sentence that says there is none."""
    explanation = explain(classifier, title, abstract, task)
    sentences = [span for span in explanation.spans if span.kind == "sentence"]
    if not sentences:
        return "no single sentence decides it"
    span = max(sentences, key=lambda span: span.contribution)
    sentence = explanation.text[span.start : span.end]
    shown = sentence if len(sentence) <= 160 else sentence[:160] + "…"
    return f"without this sentence the probability falls by {explanation.probability - span.without:.2f}: '{shown}'"
