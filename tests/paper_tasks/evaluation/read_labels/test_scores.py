"""The expected numbers are worked out by hand, from the rules in docs/evaluation.md."""

import numpy as np
import pytest

from paper_tasks.evaluation.read_labels import scores

# Four tasks, A to D. Papers: (main, ok, shown, ranking).
PAPERS = [
    ("AB", "", "A", "ABCD"),  # a hit; B is lost
    ("A", "B", "ABC", "BACD"),  # a hit, a neutral tag, a miss; the first of the ranking only fits
    ("A", "", "", "CDBA"),  # A is lost
    ("C", "D", "D", "DC"),  # a neutral tag; C is lost; the ranking ends after two
    ("", "D", "D", "DABC"),  # a neutral tag; not a paper without a task
    ("", "", "", "ABCD"),  # none for none
    ("", "", "C", "CABD"),  # a miss
]


def array(column):
    return np.array([[int(task in paper[column]) for task in "ABCD"] for paper in PAPERS])


MAIN, OK, SHOWN = (array(column) for column in range(3))
RANKING = np.array(
    [[(4 - paper[3].index(task)) / 4 if task in paper[3] else -np.inf for task in "ABCD"] for paper in PAPERS]
)


def values(statistics):
    return {name: statistic.value() for name, statistic in statistics.items()}


def test_the_scores_of_what_papers_work_on():
    assert values(scores.level_main(MAIN, OK, SHOWN, RANKING)) == pytest.approx(
        {
            # Hits: A, A. Misses: C, C. Lost: B, A, C.
            "f1": 2 * 2 / (2 * 2 + 2 + 3),
            # Shown: A, A B C, D, D, C; right at either level: A, A B, D, D.
            "precision": 5 / 7,
            # main: A B, A, A, C.
            "recall": 2 / 5,
            # Of four papers with a main task, the first one alone.
            "precision_at_1": 1 / 4,
            "recall_at_5": 1.0,
            # A alone is what three papers work on: two hits, one lost.
            "macro_f1": 2 * 2 / (2 * 2 + 1),
            "none_for_none": 1 / 2,
        }
    )


def test_only_five_suggestions_count_and_what_is_not_ranked_is_not_found():
    main = np.eye(1, 7, 6, dtype=np.int64)
    ranking = np.arange(7.0)[None]
    found = scores.level_main(main, 0 * main, 0 * main, -ranking)
    assert found["recall_at_5"].value() == 0 == found["precision_at_1"].value()
    assert scores.level_main(main, 0 * main, 0 * main, ranking)["recall_at_5"].value() == 1
    ranking[0, 6] = -np.inf
    assert scores.level_main(main, 0 * main, 0 * main, ranking)["recall_at_5"].value() == 0


def test_a_task_of_both_lists_is_what_the_paper_works_on():
    found = values(scores.level_main(MAIN, MAIN, MAIN, RANKING))
    assert found["f1"] == found["precision"] == found["recall"] == found["macro_f1"] == 1


def test_both_levels_are_compared_with_both_lists():
    # Right: A, A B, D, D of the nine shown; B, A and C are missed.
    either = SHOWN.copy()
    either[2] = [0, 1, 1, 0]
    found = values(scores.both_levels(MAIN, OK, either))
    assert found == pytest.approx({"precision_both": 5 / 9, "recall_both": 5 / 8})


def test_the_calibration_error_judges_shown_tags_that_are_right_or_wrong():
    main, ok, shown = np.array([[1, 0, 0, 1]]), np.array([[0, 1, 0, 0]]), np.array([[1, 1, 1, 0]])
    probabilities = np.array([[0.95, 0.4, 0.55, 0.5]])
    # Two tags are judged, in two bins: 0.95 is right, 0.55 is wrong.
    error = scores.calibration_error(main, ok, shown, probabilities)
    assert error.value() == pytest.approx((abs(0.95 - 1) + abs(0.55 - 0)) / 2)
    # In one bin, errors in both directions cancel out.
    error = scores.calibration_error(main, ok, shown, np.array([[0.52, 0.4, 0.55, 0.5]]))
    assert error.value() == pytest.approx(abs(0.52 - 1 + 0.55) / 2)
    assert np.isnan(scores.calibration_error(main, ok, 0 * shown, probabilities).value())


def test_the_scores_of_positives():
    truth = np.array([[1, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1]])
    mentioned = np.array([[1, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]])
    ranking = -np.array([[1, 2, 3, 4, 5, 6], [2, 1, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]])
    shown = np.array([[1, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]])
    complete = np.array([True, False, False])
    assert values(scores.positives(truth, mentioned, complete, shown, ranking)) == pytest.approx(
        {
            "recall_at_5": 3 / 4,
            # Unmentioned: the second task of the first paper, and the last paper's.
            "recall_at_5_unmentioned": 1 / 2,
            "precision_at_1": 1 / 3,
            # The first paper alone: a hit, a miss, and a lost task.
            "f1_complete": 2 / 4,
        }
    )
    none = scores.positives(truth, mentioned, complete & False, shown, ranking)
    assert np.isnan(none["f1_complete"].value())
