import json

import numpy as np
import pandas as pd
import pytest

from paper_tasks.data import vocabulary
from paper_tasks.data.distant_labels import Labeller
from paper_tasks.data.options import PrepareOptions
from paper_tasks.data.prepare import duplicate_rows, frequent_tasks, prepare
from paper_tasks.data.prepared_folder import SPLITS, read_labels, read_split
from paper_tasks.errors import InputError

TOPICS = ["question answering", "image inpainting", "speech enhancement", "link prediction"]


def corpus(papers=400):
    """Papers that name one or two of four tasks, every tenth with an author keyword; and some that name none."""
    rows = []
    for number in range(papers):
        topic, other = TOPICS[number % 4], TOPICS[(number // 4) % 4]
        rows.append(
            {
                "title": f"Study {number} of {topic}",
                "abstract": f"Experiment {number} shows that {other} can be done in {number} ways.",
                "keywords": "image inpainting; gadget" if number % 10 == 0 else "",
            }
        )
    rows += [{"title": f"Note {n}", "abstract": f"Nothing to see, {n}.", "keywords": ""} for n in range(20)]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    corpus().to_csv(folder / "papers.csv", index=False)
    return folder, prepare(folder / "papers.csv", folder / "out")


def test_keeps_frequent_tasks_and_drops_papers_without(prepared):
    folder, report = prepared
    labels = json.loads((folder / "out/labels.json").read_text(encoding="utf-8"))
    assert {"Question Answering", "Image Inpainting", "Speech Enhancement", "Link Prediction"} <= set(labels)
    assert labels == [name for name in vocabulary.names() if name in set(labels)], "vocabulary order"
    assert report.papers_without_a_kept_task_dropped == 20
    assert set(read_split(folder / "out", "unlabelled")["title"]) == {f"Note {number}" for number in range(20)}
    assert report.papers_train + report.papers_dev + report.papers_test == 400


def test_splits_are_disjoint_and_keep_the_mix(prepared):
    folder, _ = prepared
    parts = [read_split(folder / "out", name) for name in SPLITS]
    titles = [set(part["title"]) for part in parts]
    assert not titles[0] & titles[1] | titles[0] & titles[2] | titles[1] & titles[2]
    shares = [np.mean([("Image Inpainting" in tasks) for tasks in part["tasks"]]) for part in parts[:2]]
    assert abs(shares[0] - shares[1]) < 0.1


def test_a_table_of_other_papers_is_split_anew(prepared):
    assert prepared[1].split == "drawn"


def test_more_keyword_papers_are_held_out(prepared):
    folder, _ = prepared
    parts = [read_split(folder / "out", name) for name in SPLITS]
    with_keywords = [int(part["keywords"].map(bool).sum()) for part in parts]
    assert sum(with_keywords) == 40
    assert 14 <= with_keywords[2] <= 18


def test_masked_text_names_none_of_the_labels(prepared):
    folder, _ = prepared
    labeller, index = Labeller(), vocabulary.index()
    for _, paper in read_split(folder / "out", "train").iterrows():
        assert not labeller.text_tasks(paper["masked"]) & {index[task] for task in paper["tasks"]}


def test_same_seed_same_split(prepared, tmp_path):
    folder, _ = prepared
    prepare(folder / "papers.csv", tmp_path / "again")
    for name in SPLITS:
        assert (tmp_path / f"again/{name}.csv").read_bytes() == (folder / f"out/{name}.csv").read_bytes()


def test_papers_once_held_out_stay_held_out_with_other_labels(prepared, tmp_path, monkeypatch):
    folder, _ = prepared
    monkeypatch.setattr("paper_tasks.data.fingerprints.HELD_OUT", folder / "out/held_out.json")
    other = corpus()
    other["abstract"] = other["abstract"].str.replace("link prediction", "video generation")
    # As many other papers.
    fresh = other.assign(title=other["title"] + " anew", abstract=other["abstract"] + " Anew.")
    pd.concat([fresh, other]).to_csv(tmp_path / "papers.csv", index=False)
    report = prepare(tmp_path / "papers.csv", tmp_path / "out")
    assert report.split == "as in held_out.json"
    for name in SPLITS[1:]:
        before, now = (set(read_split(path, name)["title"]) for path in (folder / "out", tmp_path / "out"))
        assert before == now
    drawn = prepare(tmp_path / "papers.csv", tmp_path / "drawn", PrepareOptions(seed=1))
    assert drawn.split == "drawn" and drawn.papers_test > report.papers_test


def test_a_paper_once_held_out_is_not_among_the_unlabelled(tmp_path, monkeypatch):
    papers = corpus()
    papers["title"] = [f"Study {number}" for number in range(len(papers))]
    papers.to_csv(tmp_path / "papers.csv", index=False)
    prepare(tmp_path / "papers.csv", tmp_path / "before")
    monkeypatch.setattr("paper_tasks.data.fingerprints.HELD_OUT", tmp_path / "before/held_out.json")
    title = read_split(tmp_path / "before", "test")["title"].iloc[0]
    papers.loc[papers["title"] == title, ["abstract", "keywords"]] = "It names no task any more.", ""
    papers.to_csv(tmp_path / "papers.csv", index=False)
    report = prepare(tmp_path / "papers.csv", tmp_path / "out")
    assert report.held_out_papers_without_a_kept_task_dropped == 1
    unread = set(read_split(tmp_path / "out", "unlabelled")["title"])
    assert len(unread) == 20 and title not in unread


def test_papers_without_a_word_are_dropped(tmp_path):
    wordless = pd.DataFrame({"title": ["???", ""], "abstract": ["...", ""], "keywords": "image inpainting"})
    pd.concat([corpus(), wordless]).to_csv(tmp_path / "papers.csv", index=False)
    assert prepare(tmp_path / "papers.csv", tmp_path / "out").papers_without_a_word_dropped == 2


def test_splits_of_a_run_that_broke_off_are_not_read(prepared, tmp_path, monkeypatch):
    folder, _ = prepared
    prepare(folder / "papers.csv", tmp_path / "out")

    def breaks(path, part):
        assert path.name == "train.csv"
        raise KeyboardInterrupt

    monkeypatch.setattr("paper_tasks.data.prepared_folder.encoder.write_table", breaks)
    with pytest.raises(KeyboardInterrupt):
        prepare(folder / "papers.csv", tmp_path / "out", PrepareOptions(seed=1))
    with pytest.raises(InputError, match="paper-tasks prepare"):
        read_labels(tmp_path / "out")


def test_duplicates_by_title_or_abstract():
    papers = pd.DataFrame(
        {
            "title": ["A Method!", "a method", "Other", "Third", "", ""],
            "abstract": ["x", "y", "Same text.", "same  text", "p", "q"],
        }
    )
    assert duplicate_rows(papers).tolist() == [False, True, False, True, False, False]


def test_the_originals_format_keeps_its_own_tasks(tmp_path):
    rows = [f"{n},u{n},Title {n},Abstract {n},[],[],['m'],\"['Alpha', 'Beta{n % 2}', 'Rare{n}']\"" for n in range(80)]
    source = tmp_path / "papersWithCode_data.csv"
    header = "index,URLs,title,abstract,datasets_used,dataset_links,methods,tasks"
    source.write_text("\n".join([header, *rows, "80,u,None,Paper without,[],[],[],[]"]), encoding="utf-8")
    report = prepare(source, tmp_path / "out")
    assert report.labels == "the column 'tasks'"
    assert json.loads((tmp_path / "out/labels.json").read_text()) == ["Alpha", "Beta0", "Beta1"]
    assert report.tasks_found == 83
    assert report.papers_without_a_kept_task_dropped == 1


def test_one_task_is_too_few(tmp_path):
    source = tmp_path / "papers.csv"
    rows = [f"Title {n},About captioning images number {n},['Alpha']" for n in range(80)]
    source.write_text("\n".join(["title,abstract,tasks", *rows]), encoding="utf-8")
    with pytest.raises(InputError, match="only 1 tasks"):
        prepare(source, tmp_path / "out")


def test_no_code_in_a_list_cell_is_run(tmp_path):
    source = tmp_path / "evil.csv"
    source.write_text("title,abstract,tasks\nA,B,\"['x']\"\nC,D,\"[__import__('os').abort()]\"\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        prepare(source, tmp_path / "out")
    assert "evil.csv" in str(caught.value) and "tasks" in str(caught.value) and "row 2" in str(caught.value)


@pytest.mark.parametrize("text, word", [("title,body\nA,B\n", "abstract"), ("title,abstract\nA,B\n", "few")])
def test_bad_tables_get_one_sentence(tmp_path, text, word):
    (tmp_path / "in.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        prepare(tmp_path / "in.csv", tmp_path / "out")
    assert word in str(caught.value) and "in.csv" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_frequent_tasks_keeps_the_order_of_counts():
    assert frequent_tasks({"b": 3, "a": 30, "c": 31}, 30) == ["a", "c"]


def test_shares_that_leave_nothing_to_train_on(tmp_path):
    with pytest.raises(InputError, match="none to train on"):
        prepare(tmp_path / "papers.csv", tmp_path, PrepareOptions(dev_share=0.5, test_share=0.5))
