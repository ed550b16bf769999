import pytest

from deployment.common.examples import EXAMPLES
from paper_tasks.tagger.language import looks_english

GERMAN = (
    "Wir stellen ein Verfahren vor, das in Bildern von Straßen Fußgänger findet und in Echtzeit verfolgt. Es wurde auf "
    "drei Datensätzen erprobt und ist so schnell wie kein anderes zuvor."
)
DUTCH = (
    "In dit artikel stellen we een methode voor om gesproken taal te herkennen in rumoer of bij slechte verbindingen, "
    "en we laten zien dat het beter is dan eerdere systemen."
)
SPANISH = (
    "Proponemos un modelo para la segmentación de imágenes médicas que no requiere anotaciones densas y que mejora a "
    "los métodos anteriores en cuatro conjuntos de datos públicos."
)
JAPANESE = "歩行者を夜間に検出する手法を提案する。三つのデータセットで評価した。"
RUSSIAN = "Мы предлагаем метод обнаружения пешеходов в ночное время с помощью YOLO и ResNet."


@pytest.mark.parametrize("text", [GERMAN, DUTCH, SPANISH, JAPANESE, RUSSIAN])
def test_other_languages_are_noticed(text):
    assert not looks_english(text)


@pytest.mark.parametrize("paper", EXAMPLES.values(), ids=EXAMPLES)
def test_english_abstracts_pass(paper):
    assert looks_english(" ".join(paper))


@pytest.mark.parametrize(
    "text", ["", "2024", "Object Detection", "Poincaré embeddings, Erdős graphs, naïve Bayes", "α-divergence, β-VAE"]
)
def test_short_english_titles_pass(text):
    assert looks_english(text)
