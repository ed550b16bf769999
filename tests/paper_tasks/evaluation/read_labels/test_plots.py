from paper_tasks.evaluation.read_labels.plots import reliability_diagram
from tests.paper_tasks.evaluation.read_labels.invented import read_evaluation


def test_each_system_has_a_line_with_its_error():
    shares, sizes = reliability_diagram(read_evaluation()).axes
    labels = [text.get_text() for text in shares.get_legend().get_texts()]
    assert labels == ["perfect calibration", "fast, error 0.800", "int8, error 0.900"]
    assert shares.get_ylabel() and sizes.get_xlabel() == "probability" and "tags" in sizes.get_ylabel()
