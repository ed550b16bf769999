import json
import shutil

import pandas as pd
import pytest
import torch
from transformers import BertTokenizerFast, MPNetTokenizerFast

from paper_tasks.data.targets import UNKNOWN
from paper_tasks.errors import InputError
from paper_tasks.tagger.config import TeacherRecord
from paper_tasks.training import distillation
from paper_tasks.training.distillation import load_teacher, soften
from paper_tasks.training.finetune import Progress, build_learner, train
from tests.paper_tasks.conftest import tiny_options

PIECES = ["learning", "graph", "##s", "vision", "##ary"]


@pytest.fixture
def copied(prepared, tmp_path):
    return shutil.copytree(prepared, tmp_path / "prepared")


@pytest.fixture
def with_unlabelled(copied):
    papers = pd.DataFrame({"title": ["Untitled"] * 10, "abstract": ["hourly electricity load"] * 10, "keywords": "[]"})
    papers.to_csv(copied / "unlabelled.csv", index=False)
    return copied


def wordpieces(kind, path, special, pieces):
    path.write_text("\n".join([*special, *pieces]), encoding="utf-8")
    return kind(vocab={piece: index for index, piece in enumerate([*special, *pieces])})


def test_labels_are_mixed_and_unknown_ones_are_the_teachers():
    labels = torch.tensor([[1.0, 0.0], [UNKNOWN, UNKNOWN]])
    probabilities = torch.tensor([[0.5, 0.5], [0.2, 0.9]])
    torch.testing.assert_close(soften(labels, probabilities, 0.4), torch.tensor([[0.8, 0.2], [0.2, 0.9]]))


def test_a_student_learns_what_its_teacher_knows(copied, trained, backbone, tmp_path):
    papers = pd.read_csv(copied / "train.csv")
    papers.assign(tasks='["Atari Games"]').to_csv(copied / "train.csv", index=False)
    scores = {}
    for name, teacher in (("alone", None), ("taught", str(trained[0]))):
        options = tiny_options(backbone, epochs=6, teacher=teacher, teacher_share=1.0)
        training = train(copied, tmp_path / name, options)
        scores[name] = training.dev.micro_f1
    assert scores["alone"] < 0.5 < 0.8 < scores["taught"]
    assert training.teacher == TeacherRecord(str(backbone), trained[1].papers_seen, share=1.0)


def test_papers_without_a_task_are_for_the_teacher_alone(with_unlabelled, trained, backbone):
    labelled = len(pd.read_csv(with_unlabelled / "train.csv"))
    alone, *_ = build_learner(with_unlabelled, tiny_options(backbone), Progress())
    taught, *_ = build_learner(with_unlabelled, tiny_options(backbone, teacher=str(trained[0])), Progress())
    assert len(alone.dls.train_ds) == labelled
    assert len(taught.dls.train_ds) == labelled + 10
    known = [not target.isnan().any() for _, target in taught.dls.train_ds]
    assert known == [True] * labelled + [False] * 10


def test_a_student_reads_papers_without_a_task(with_unlabelled, trained, backbone, tmp_path):
    options = tiny_options(backbone, epochs=1, teacher=str(trained[0]))
    training = train(with_unlabelled, tmp_path / "student", options)
    labelled = len(pd.read_csv(with_unlabelled / "train.csv"))
    assert training.papers_seen > 2 * labelled
    assert training.dev.micro_f1 > 0.5
    assert pd.read_csv(tmp_path / "student" / "history.csv")["train_loss"].notna().all()


def test_tokens_are_matched_by_text_and_role(tmp_path):
    student = wordpieces(BertTokenizerFast, tmp_path / "1", ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], PIECES)
    teacher = wordpieces(
        MPNetTokenizerFast, tmp_path / "2", ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "[UNK]"], PIECES[::-1]
    )
    ids = distillation._token_ids(student, teacher, tmp_path)
    text = "Graphs learning visionary things"
    assert ids[student(text)["input_ids"]].tolist() == teacher(text)["input_ids"]
    assert ids[student.pad_token_id] == teacher.pad_token_id


def test_a_teacher_that_does_not_fit_gets_one_sentence(trained, tmp_path):
    folder, _ = trained
    labels = json.loads((folder / "training.json").read_text(encoding="utf-8"))["labels"]
    student = wordpieces(BertTokenizerFast, tmp_path / "1", ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], PIECES)
    with pytest.raises(InputError, match="is no trained model"):
        load_teacher(tmp_path, labels, student, 0.5)
    with pytest.raises(InputError, match="other tasks"):
        load_teacher(folder, labels[1:], student, 0.5)
    with pytest.raises(InputError, match="splits texts into other tokens: it has no '##ary'"):
        load_teacher(folder, labels, student, 0.5)
