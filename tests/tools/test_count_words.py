from paper_tasks.tagger.text import known_words
from tools import count_words
from tools.count_words import LEAST_PAPERS, frequent_words


def test_words_count_once_a_paper_and_pairs_must_beat_the_word_in_one():
    texts = (
        ["Self-supervised pre-training of coworkers, co-workers"] * LEAST_PAPERS + ["coworkers"] + ["rare rare"] * 60
    )
    assert frequent_words(texts) == ["coworkers", "of", "pre-training", "self-supervised"]


def test_all_pairs_of_a_chain_are_found():
    assert set(frequent_words(["state-of-the-art"] * LEAST_PAPERS)) == {"state-of", "of-the", "the-art"}


def test_the_list_is_written_sorted(tmp_path, monkeypatch):
    table = tmp_path / "papers.csv"
    table.write_text("title,abstract\n" + "Zebra apples,We eat\n" * LEAST_PAPERS, encoding="utf-8")
    monkeypatch.setattr(count_words, "WORDS", tmp_path / "words.txt")
    count_words.main([table])
    assert (tmp_path / "words.txt").read_text(encoding="utf-8") == "apples\neat\nwe\nzebra\n"


def test_the_list_that_ships_has_whole_words():
    assert {"segmentation", "self-supervised", "the"} <= known_words() and "segmen" not in known_words()
