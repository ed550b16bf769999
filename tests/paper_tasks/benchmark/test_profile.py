from paper_tasks.benchmark.profile import int8_peak, multiply_adds
from paper_tasks.paths import MODEL_DIR
from paper_tasks.tagger.model_folder import read_config

# The shape of all-MiniLM-L6-v2.
LAYERS, HIDDEN, INTERMEDIATE = 6, 384, 1536


def test_multiply_adds_are_those_of_the_encoder():
    found = multiply_adds(MODEL_DIR / read_config(MODEL_DIR).onnx_file)
    assert found == {
        "QAttention": LAYERS * HIDDEN * 3 * HIDDEN,
        "products": LAYERS * (HIDDEN * HIDDEN + 2 * HIDDEN * INTERMEDIATE),
    }


def test_the_peak_is_a_rate():
    assert int8_peak(1) > 0
