import pandas as pd
import pytest

from paper_tasks.data import vocabulary
from paper_tasks.data.distant_labels import Labeller, label, normalize_word, read_papers
from paper_tasks.data.vocabulary import Task
from paper_tasks.errors import InputError


@pytest.fixture(scope="module")
def labeller():
    return Labeller()


def named(labeller, text):
    return {vocabulary.names()[index] for index in labeller.text_tasks(text)}


@pytest.mark.parametrize(
    "text, task",
    [
        ("We study machine translation.", "Machine Translation"),
        ("MACHINE TRANSLATION", "Machine Translation"),
        ("machine\ntranslation", "Machine Translation"),
        ("super resolution of photographs", "Super-Resolution"),
        ("superresolution", "Super-Resolution"),
        ("multitask learning", "Multi-Task Learning"),
        ("multi-task learning", "Multi-Task Learning"),
        ("text summarisation", "Text Summarization"),
        ("language modeling", "Language Modelling"),
        ("object detectors", "Object Detection"),
        ("knowledge graphs", "Knowledge Graphs"),
        ("NER for biomedical text", "NER"),
        ("a survey of GNNs", "Graph Representation Learning"),
        ("reading-comprehension", "Reading Comprehension"),
    ],
)
def test_finds_spellings(labeller, text, task):
    assert task in named(labeller, text)


@pytest.mark.parametrize(
    "text, task",
    [
        ("postnernal", "NER"),
        ("We ner", "NER"),
        ("the rapture of rl", "Reinforcement Learning (RL)"),
        ("objection detection", "Object Detection"),
        ("machine, when translated", "Machine Translation"),
        ("", "Classification"),
        ("a map without GPS", "Gaussian Processes"),
        ("We write a caption. Image and text are read.", "Image Captioning"),
        ("Learning on graphs? Embedding them helps.", "Graph Embedding"),
    ],
)
def test_whole_words_and_case_of_acronyms(labeller, text, task):
    assert task not in named(labeller, text)


def test_overlapping_names_all_count(labeller):
    assert {"3D Object Detection", "Object Detection"} <= named(labeller, "3D object detection")


def test_spellings_of_a_task_are_labelled_together(labeller):
    ner = {"NER", "Named Entity Recognition", "Named Entity Recognition (NER)", "named-entity-recognition"}
    assert ner <= named(labeller, "named entity recognition")


def test_every_name_finds_its_own_task(labeller):
    for task in vocabulary.tasks():
        assert task.name in named(labeller, task.name), task.name


@pytest.mark.parametrize(
    ("keywords", "tasks"),
    [
        ("Data Mining: Recommender Systems", {"Recommendation Systems"}),
        ("CV: Recognition (face recognition)", set()),
        ("Computer Vision: CV: Image and video retrieval", set()),
        ("Machine Learning: Clustering, Deep Learning", set()),
        ("Machine Learning: Multi-instance; Multi-label; Planning: Scheduling", {"Scheduling"}),
        ("fairness and recommender systems", {"Fairness", "Recommendation Systems"}),
        ("fairness; multi-label learning", {"Fairness", "Multi-Label Classification"}),
    ],
)
def test_a_subject_counts_by_its_last_step_if_that_is_one_subject(labeller, keywords, tasks):
    names = vocabulary.names()
    assert {names[index] for index in labeller.keyword_tasks(keywords.split("; "))} == tasks


def test_mentions_have_the_positions_of_their_words(labeller):
    text = "We improve question answering (QA)."
    task = vocabulary.index()["Question Answering"]
    spans = [text[m.start : m.end] for m in labeller.mentions(text) if task in m.tasks]
    assert spans == ["question answering", "QA"]


def test_removing_mentions_takes_only_the_tasks_asked_for(labeller):
    text = "Object detection and image captioning, with object detectors"
    task = vocabulary.index()["Object Detection"]
    left = labeller.remove_mentions(text, {task})
    assert left == "and image captioning, with"
    assert task not in labeller.text_tasks(left)


def test_removing_overlapping_mentions_repeats_nothing(labeller):
    tasks = {vocabulary.index()[name] for name in ("3D Object Detection", "Object Detection")}
    assert labeller.remove_mentions("fast 3D object detection here", tasks) == "fast here"


def test_removing_from_the_label_leaves_no_label(labeller):
    text = "Neural machine translation with multi-task learning, GANs and NMT for low-resource translation"
    found = labeller.text_tasks(text)
    assert not labeller.text_tasks(labeller.remove_mentions(text, found)) & found


def test_labels_own_tasks():
    own = Labeller([Task("Protein Folding", "biology", "Protein Folding", True, ("structure prediction",))])
    assert own.text_tasks("structure predictions") == {0}


def test_label_adds_author_keywords():
    papers = pd.DataFrame({"title": ["A method"], "abstract": ["It works."], "keywords": [["image inpainting", "llm"]]})
    assert label(papers) == [["Image Inpainting"]]


def test_spellings_are_one_word():
    assert normalize_word("Summarisation") == normalize_word("summarization")
    assert normalize_word("Multi-task") == normalize_word("multitask")
    assert normalize_word("analysis") == normalize_word("analysis")
    assert normalize_word("studies") == normalize_word("study")


def test_columns_are_found_in_any_case(tmp_path):
    source = tmp_path / "papers.csv"
    source.write_text("Title,ABSTRACT, Keywords,year\nA,We ask.,one; two,2020\n", encoding="utf-8")
    (paper,) = read_papers(source).to_dict("records")
    assert (paper["title"], paper["abstract"], paper["keywords"]) == ("A", "We ask.", ["one", "two"])


@pytest.mark.parametrize("cell", ["One task, another", "One task|another"])
def test_tasks_that_nothing_separates_are_reported(tmp_path, cell):
    source = tmp_path / "papers.csv"
    rows = ["A,We ask.,One task", f'B,We ask.,"{cell}"']
    source.write_text("\n".join(["title,abstract,tasks", *rows]), encoding="utf-8")
    with pytest.raises(InputError, match=r"row 2, column 'tasks': '.*' seems to be more than one"):
        read_papers(source)
    source.write_text("\n".join(["title,abstract,tasks", *rows, "C,We ask.,One task; two"]), encoding="utf-8")
    assert len(read_papers(source)) == 3
