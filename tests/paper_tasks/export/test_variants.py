import numpy as np
import pytest

from paper_tasks.data.prepared_folder import multi_hot, pairs, read_labels, read_split
from paper_tasks.export import variants
from paper_tasks.export.onnx import FP32, INT8
from paper_tasks.tagger.classifier import TaskClassifier
from paper_tasks.tagger.model_folder import read_config


@pytest.fixture(scope="module")
def built(exported, tmp_path_factory):
    model_dir, shipped, _ = exported
    return variants.build_variants(model_dir, read_config(shipped), tmp_path_factory.mktemp("variants"))


@pytest.fixture(scope="module")
def compared(built, prepared):
    labels = read_labels(prepared)
    arguments = []
    for split in ("dev", "test"):
        papers = read_split(prepared, split)
        arguments += [[*pairs(papers, split)], multi_hot(papers["tasks"], labels)]
    return variants.compare(built, *arguments)


def test_fp32_is_the_same_in_torch_and_onnx(compared):
    table, logits = compared
    for name in (variants.ONNX, variants.OPTIMIZED):
        np.testing.assert_allclose(logits[name], logits[variants.TORCH], atol=1e-3)
        assert table.loc[name, "micro-F1"] == pytest.approx(table.loc[variants.TORCH, "micro-F1"])


def test_int8_is_small_and_near(compared):
    table, _ = compared
    assert table.index[0] == variants.TORCH and table.index[-1] == variants.INT8
    assert table.loc[variants.TORCH, "cosine"] == pytest.approx(1)
    assert table["cosine"].min() > 0.9
    assert table.loc[variants.INT8, "MB"] < table.loc[variants.INT8_EMBEDDINGS_FP32, "MB"]
    assert table.loc[variants.INT8_EMBEDDINGS_FP32, "MB"] < table.loc[variants.OPTIMIZED, "MB"]
    assert (table["ms per paper"] > 0).all()


def test_the_last_variant_equals_the_exported_model(built, exported):
    model_dir, shipped, _ = exported
    assert built[variants.INT8].file.stat().st_size == pytest.approx((shipped / INT8).stat().st_size, rel=0.02)
    optimized = model_dir / "onnx" / FP32
    assert built[variants.OPTIMIZED].file.stat().st_size == pytest.approx(optimized.stat().st_size, rel=0.02)
    papers = [("Study", "On Atari games: agents that press buttons for rewards on old consoles."), ("Grainy", "")]
    for name, ships in ((variants.INT8, shipped), (variants.OPTIMIZED, model_dir / "onnx")):
        logits = built[name].classifier.logits(papers)
        np.testing.assert_allclose(logits, TaskClassifier.load(ships).logits(papers), atol=1e-4)
