from paper_tasks.data.paper_ids import paper_id


def test_the_id_of_a_title_is_that_of_its_other_spellings():
    assert paper_id("Policy-labeled Preference Learning: Is Preference Enough for RLHF?") == "00004d0e91"
    assert paper_id(" A  b-C! ") == paper_id("a B c") != paper_id("abc")
