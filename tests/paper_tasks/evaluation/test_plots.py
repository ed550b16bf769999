import numpy as np
import pandas as pd
import pytest
from PIL import Image

from paper_tasks.evaluation import plots
from paper_tasks.evaluation.baselines.registry import BASELINES
from tests.paper_tasks.evaluation.invented import evaluation


@pytest.fixture
def per_task():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"train papers": rng.integers(30, 9000, 40), "papers": rng.integers(0, 90, 40)})
    return table.assign(**{f"f1 {system}": rng.random(40) for system in evaluation().systems})


def test_each_baseline_has_another_color():
    assert len({color for color, *_ in plots.BASELINE_STYLES}) == len(plots.BASELINE_STYLES) == len(BASELINES)


def test_the_same_report_gives_the_same_three_small_pictures(tmp_path, per_task):
    contents = []
    for _ in range(2):
        plots.write(evaluation(), per_task, tmp_path)
        contents.append({path.name: path.read_bytes() for path in tmp_path.iterdir()})
    assert contents[0] == contents[1]
    assert contents[0].keys() == {"f1_by_frequency.png", "recall.png", "reliability.png"}
    for path in tmp_path.iterdir():
        assert path.stat().st_size < 150_000
        with Image.open(path) as picture:
            assert picture.width >= 500 and len(picture.convert("RGB").getcolors(1 << 20)) > 20


def test_every_axis_has_a_title_and_a_name(per_task):
    found = evaluation()
    frequency = plots.f1_by_frequency(found, per_task).axes[0]
    assert frequency.get_title(loc="left") or frequency.get_title()
    assert "papers" in frequency.get_xlabel() and "F1" in frequency.get_ylabel()
    assert {text.get_text() for text in frequency.get_legend().get_texts()} == {*found.systems, "int8, one task"}
    panels = plots.recall_bars(found).axes
    assert len(panels) == 4 and all(panel.get_xlabel() == "recall@5" for panel in panels)
    curve, sizes = plots.reliability_diagram(found).axes
    labels = [text.get_text() for text in curve.get_legend().get_texts()]
    assert [label for label in labels if label.endswith("names cut out")] == [
        f"{name}, names cut out" for name in found.models
    ]
    assert curve.get_ylabel() and sizes.get_xlabel() == "probability" and "pairs" in sizes.get_ylabel()


def test_systems_have_their_own_style():
    styles = plots.styles(evaluation())
    assert list(styles) == list(evaluation().systems) and len(set(styles.values())) == 4
