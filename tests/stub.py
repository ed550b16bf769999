"""A classifier without a model, for tests that do not ask which tasks a paper is on."""

import time
import zlib

import numpy as np

from paper_tasks.errors import EmptyPaper
from paper_tasks.tagger.classifier import TaskClassifier
from paper_tasks.tagger.text import format_paper, has_words
from tests.model_config import model_config

LABELS = ("Image Captioning", "Speech Recognition", "Atari Games")


class StubClassifier(TaskClassifier):
    """Three tasks, whose logits (-4 to 4) come from a checksum of the text; each paper takes so many seconds.

    With a threshold for it, the model knows the second level: a task fits a paper more likely than it is worked on.
    """

    def __init__(self, seconds=0.0, fits_threshold=None):
        # The About tab and the page show scores.
        scores = {"papers": 1} | {tier: {"micro_f1": 1.0, "macro_f1": 1.0} for tier in ("fp32", "int8")}
        super().__init__(None, None, model_config(LABELS, scores=scores, fits_threshold=fits_threshold), names={})
        self._seconds = seconds

    def level_logits(self, papers):
        texts = [format_paper(*paper) for paper in papers]
        for index, text in enumerate(texts):
            if not has_words(text):
                raise EmptyPaper(index)
        time.sleep(self._seconds * len(texts))
        sums = [zlib.crc32(text.encode()) for text in texts]
        bytes_ = np.array([[checksum >> shift & 255 for shift in (0, 8, 16, 24)] for checksum in sums], np.float32)
        bytes_ = bytes_.reshape(-1, len(LABELS) + 1) / 32
        main, more = bytes_[:, :-1] - 4, bytes_[:, -1:]
        return np.stack([main, main + more][: len(self.levels)])
