import hashlib
import json

from paper_tasks.data import vocabulary
from paper_tasks.data.prepare import frequent_tasks

AREAS = {
    "artefact",
    "audio",
    "computer vision",
    "graphs",
    "information retrieval",
    "language",
    "medicine",
    "methodology",
    "reinforcement learning",
    "responsible AI",
    "robotics",
    "time series",
}


def test_the_original_numbers_come_out_of_the_original_counts():
    counts = json.loads((vocabulary.JSON_FILES / "task_counts.json").read_text(encoding="utf-8"))
    assert len(counts) == 2186
    assert sum(papers < 30 for papers in counts.values()) == 1926
    assert frequent_tasks(counts, 30) == list(vocabulary.names())


def test_names_are_the_originals_in_its_order():
    assert len(vocabulary.names()) == 260
    assert vocabulary.names()[:3] == ("Navigate", "Classification", "Contrastive Learning")
    assert vocabulary.names()[-1] == "Explainable Artificial Intelligence (XAI)"
    digest = hashlib.sha256("\n".join(vocabulary.names()).encode()).hexdigest()
    assert digest == "f854362c8fdc42d9b9ba77c588a6aa8ac9e16c17efaae7e95647fef36d7e39f6"


def test_task_info_covers_the_vocabulary_and_nothing_else():
    info = json.loads((vocabulary.JSON_FILES / "task_info.json").read_text(encoding="utf-8"))
    assert list(info) == list(vocabulary.names())
    for name, entry in info.items():
        assert set(entry) <= {"area", "canonical", "is_task", "aliases"}, name
        assert entry["area"] in AREAS, name
        assert isinstance(entry["is_task"], bool), name


def test_canonical_names_stand_for_themselves():
    for task in vocabulary.tasks():
        shown = vocabulary.task(task.canonical)
        assert shown.canonical == shown.name, task.name
        assert shown.area == task.area, task.name
        assert shown.is_task == task.is_task, task.name
        if task.canonical != task.name:
            assert not task.aliases, f"{task.name}: aliases belong to {task.canonical}"


def test_aliases_are_clean():
    for task in vocabulary.tasks():
        for alias in task.aliases:
            assert alias == alias.strip(), (task.name, alias)
            assert len(alias) > 1, (task.name, alias)
        folded = [alias.casefold() for alias in task.aliases]
        assert len(folded) == len(set(folded)), task.name


def test_canonical_merges_spellings():
    assert vocabulary.canonical(["NER", "object-detection", "Named Entity Recognition", "Retrieval"]) == [
        "Named Entity Recognition (NER)",
        "Object Detection",
        "Retrieval",
    ]


def test_a_name_outside_the_vocabulary_stands_for_itself():
    task = vocabulary.task("Protein Folding")
    assert (task.canonical, task.is_task, task.aliases) == ("Protein Folding", True, ())
