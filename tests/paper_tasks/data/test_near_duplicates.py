from paper_tasks.data.near_duplicates import near_duplicates

ABSTRACT = (
    "We translate rare words by copying them from the source sentence, which raises BLEU on two pairs of languages. "
    "The gain is largest for names, and it stays when the training text is halved."
)


def test_a_revised_abstract_is_found():
    revised = ABSTRACT.replace("two pairs", "three pairs").replace("largest", "Largest").replace(", and it", " and it")
    assert near_duplicates([revised], ["Something else altogether, on other words than these.", ABSTRACT]).tolist() == [
        True
    ]


def test_an_abstract_inside_a_longer_one_is_found_but_not_the_other_way_round():
    longer = ABSTRACT + " " + " ".join(f"word{number}" for number in range(100))
    assert near_duplicates([ABSTRACT, longer], [longer.upper()]).tolist() == [True, True]
    assert near_duplicates([ABSTRACT, longer], [ABSTRACT]).tolist() == [True, False]


def test_the_same_topic_in_other_words_is_no_duplicate():
    other = "Rare words are copied from the source sentence, and BLEU rises on two pairs of languages, most for names."
    assert near_duplicates([other], [ABSTRACT]).tolist() == [False]


def test_many_papers_that_share_a_phrase_each_are_no_duplicate_of_one():
    pieces = [ABSTRACT[:60], ABSTRACT[60:120], ABSTRACT[120:]]
    assert near_duplicates([ABSTRACT], pieces).tolist() == [False]


def test_short_texts_count_as_a_whole():
    assert near_duplicates(["Atari games", "Go", ""], ["atari games!", "Go and chess"]).tolist() == [True, False, False]
