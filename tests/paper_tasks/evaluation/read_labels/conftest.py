import json
import random

import pytest

from paper_tasks.data.read_labels import prepare_read

# Each task, and the words of its papers. The second has four spellings among the 260 labels.
TOPICS = {
    "Image Captioning": "photographs described in sentences for blind readers",
    "Named Entity Recognition (NER)": "persons and places marked in news with spans",
    "Atari Games": "agents that press buttons for rewards on old consoles",
    "Image Denoising": "grainy pictures restored without clean targets",
}
# How many papers each file has; the third number is for the papers that no task fits.
READ = {"train": 60, "dev": 24, "test": 30, "modern_dev": 8, "modern_test": 12}
POSITIVES = {"train": 20, "dev": 6, "test": 10}


def _paper(rng, number, kind):
    """A paper on one of the tasks, which half of them name, or on none; another task may fit it too."""
    task, other = rng.sample(list(TOPICS), 2)
    is_none = number % 6 == 0 and kind != "positives"
    words = ("cooking recipes for the winter" if is_none else TOPICS[task]).split()
    rng.shuffle(words)
    named = f" We study {task.partition(' (')[0]}." if number % 2 and not is_none else ""
    return {
        "title": f"{kind} study {number} of {' '.join(words[:4])}",
        "abstract": f"A note on {' '.join(words)}.{named} Number {number}.",
        "main": [] if is_none else [task],
        "ok": [other] if number % 5 == 0 else [],
    }


def _write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture(scope="session")
def prepared_read(tmp_path_factory):
    """A prepared folder of invented read papers and positives, made by the real stage; its labels are all 260."""
    folder, rng = tmp_path_factory.mktemp("read"), random.Random(0)
    (folder / "labels").mkdir()
    for split, size in READ.items():
        _write(folder / "labels" / f"{split}.jsonl", [_paper(rng, number, split) for number in range(size)])
    rows = []
    for split, size in POSITIVES.items():
        for number in range(size):
            paper = _paper(rng, number, "positives")
            paper["title"] += f" for {split}"
            paper |= {"tasks": paper.pop("main"), "split": split, "source": "pwc", "complete": number % 3 == 0}
            rows.append({name: value for name, value in paper.items() if name != "ok"})
    for number in range(5):
        heading = _paper(rng, number, "a list's")
        rows.append(
            {"title": heading["title"], "abstract": heading["abstract"], "tasks": ["Atari Games"]}
            | {"split": "test", "source": "list", "complete": False}
        )
    _write(folder / "positives.jsonl", rows)
    prepare_read([], [folder / "labels"], folder / "prepared", [folder / "positives.jsonl"])
    return folder / "prepared"
