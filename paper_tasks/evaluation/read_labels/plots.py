"""The plot of an evaluation on read labels."""

from matplotlib.figure import Figure

from paper_tasks.data.prepared_folder import READ
from paper_tasks.evaluation.plots import ReliabilityLine, reliability_figure, styles
from paper_tasks.evaluation.read_labels.report import ReadEvaluationReport


def reliability_diagram(report: ReadEvaluationReport) -> Figure:
    """How often the tags of a probability are right, for each system that gives probabilities; and their number."""
    style, scores = styles(report), report.on(READ)
    lines = [
        ReliabilityLine(f"{system}, error {scores[system]['calibration_error']:.3f}", bins, style[system])
        for system, bins in report.reliability.items()
        if "calibration_error" in scores[system]
    ]
    return reliability_figure(lines, "tags", "tags")
