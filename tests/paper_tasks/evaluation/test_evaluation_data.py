import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from paper_tasks.data.prepared_folder import read_labels
from paper_tasks.errors import InputError
from paper_tasks.evaluation.evaluation_data import load_evaluation_data


@pytest.fixture
def folder(prepared, tmp_path):
    """A copy of the prepared papers, whose dev split starts with two revised papers of the train split."""
    folder = Path(shutil.copytree(prepared, tmp_path / "prepared"))
    train, dev = (pd.read_csv(folder / f"{name}.csv", keep_default_na=False) for name in ("train", "dev"))
    revised = train[:2].assign(abstract=train["abstract"] + " Revised.")
    pd.concat([revised, dev]).to_csv(folder / "dev.csv", index=False)
    return folder


def test_near_duplicates_of_papers_to_learn_from_are_left_out(folder, prepared):
    data, _ = load_evaluation_data(folder, "dev")
    assert data.near_duplicates == 2
    assert data.papers["title"].tolist() == pd.read_csv(prepared / "dev.csv")["title"].tolist()
    with pytest.raises(InputError, match="every paper of dev"):
        load_evaluation_data(folder, "dev", rows=2)


def test_a_split_is_not_compared_with_itself_and_labels_are_0_and_1(prepared):
    data, _ = load_evaluation_data(prepared, "dev", rows=5)
    assert len(data.papers) == 5 and data.near_duplicates == 0
    assert data.labels == read_labels(prepared)
    assert data.train_truth.shape == (len(data.train), len(data.labels))
    assert data.dev_truth.sum() == data.dev["tasks"].map(len).sum() and set(np.unique(data.dev_truth)) == {0, 1}


def test_the_cache_tells_splits_and_rows_apart(prepared):
    inputs = [
        load_evaluation_data(prepared, split, rows)[1].inputs for split, rows in (("dev", 5), ("dev", 6), ("test", 5))
    ]
    assert len(set(inputs)) == 3
