import numpy as np
import pandas as pd

from paper_tasks.data.prepared_folder import POSITIVES, READ
from paper_tasks.data.targets import FITS, POSITIVE, UNKNOWN, targets_of, task_columns

# SSIM is no task, and the last two are one task.
LABELS = ["Image Captioning", "SSIM", "Object Detection", "object-detection"]


def papers(*rows):
    return pd.DataFrame(rows, columns=["tasks", "ok", "labels"])


def test_a_read_label_is_complete():
    targets = targets_of(papers((["Object Detection"], ["Image Captioning"], READ), ([], [], READ)), LABELS)
    assert targets.dtype == np.float32
    np.testing.assert_array_equal(targets, [[FITS, UNKNOWN, 1, 1], [0, UNKNOWN, 0, 0]])


def test_of_positives_nothing_else_is_known():
    targets = targets_of(papers((["Object Detection"], [], POSITIVES)), LABELS)
    np.testing.assert_array_equal(targets, [[UNKNOWN, UNKNOWN, POSITIVE, POSITIVE]])


def test_a_task_that_is_main_and_ok_is_main():
    assert targets_of(papers((["Image Captioning"], ["Image Captioning"], READ)), LABELS)[0, 0] == 1


def test_a_task_outside_the_vocabulary_has_a_column_of_its_own():
    targets = targets_of(papers((["Weaving"], ["Knitting"], READ)), ["Knitting", "Sewing", "Weaving"])
    np.testing.assert_array_equal(targets, [[FITS, 0, 1]])


def test_distant_labels_are_zeros_and_ones_for_each_spelling_by_itself():
    targets = targets_of(pd.DataFrame({"tasks": [["Object Detection", "SSIM"]]}), LABELS)
    np.testing.assert_array_equal(targets, [[0, 1, 1, 0]])


def test_a_task_has_the_columns_of_all_its_spellings():
    assert task_columns(LABELS)["Object Detection"] == [2, 3]
