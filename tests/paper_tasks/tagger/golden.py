"""Pins what the bundled model answers: `python -m tests.paper_tasks.tagger.golden` rewrites golden_logits.json."""

import json
from pathlib import Path

from paper_tasks.tagger.classifier import TaskClassifier

PATH = Path(__file__).with_name("golden_logits.json")
KEPT = 10
PAPERS = [
    (
        "Sparse queries for crowded street scenes",
        "Detectors miss people who stand close together. We let each query of a transformer detector attend to a few "
        "learned points and suppress duplicates by a set loss, which finds more pedestrians at the same frame rate.",
    ),
    (
        "Reading charts aloud",
        "Blind readers need the numbers behind a figure. Given a picture of a bar chart and a spoken question, our "
        "system answers in one sentence and names the bars that it read.",
    ),
    (
        "Cheap labels for rare voices",
        "Transcribing endangered languages is slow. We train an acoustic model on ten hours of radio in a related "
        "language and adapt it with pseudo-labels, halving the word error rate.",
    ),
    (
        "When the map is wrong",
        "A robot that follows an old floor plan runs into new walls. We learn a policy that corrects its map while it "
        "drives, from rewards alone, and test it in forty simulated homes.",
    ),
    ("Short-term load of a city grid", ""),
    ("", "We predict which molecules bind a protein by passing messages along the bonds of their graphs."),
]


def top_logits() -> list[dict[str, float]]:
    """The KEPT greatest logits of each paper, by label."""
    classifier = TaskClassifier.load()
    rows = []
    for logits in classifier.logits(PAPERS):
        best = logits.argsort()[::-1][:KEPT]
        rows.append({classifier.labels[index]: round(float(logits[index]), 3) for index in best})
    return rows


if __name__ == "__main__":
    PATH.write_text(json.dumps(top_logits(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
