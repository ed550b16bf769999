"""The HTML of the page's pieces, without a browser."""

from html.parser import HTMLParser

from deployment.gradio_app.html import TaskRow, reasons_html, tags_html
from paper_tasks.tagger.explain import Explanation, Span


class Pieces(HTMLParser):
    """The text of some HTML, and what is marked in it as (classes, text)."""

    def __init__(self, html):
        super().__init__()
        self.text, self.marked, self._kinds = "", [], None
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        if tag == "mark":
            self._kinds = dict(attributes)["class"]

    def handle_endtag(self, tag):
        if tag == "mark":
            self._kinds = None

    def handle_data(self, data):
        self.text += data
        if self._kinds:
            self.marked.append((self._kinds, data))


def test_names_are_escaped():
    html = tags_html([TaskRow("<b>'x'</b>", 0.5, "a & b")], 0.1, [])
    assert "<b>" not in html and "&lt;b&gt;&#x27;x&#x27;&lt;/b&gt;" in html and "a &amp; b" in html


def test_tasks_are_grouped_by_area_the_likeliest_first():
    rows = [TaskRow("A", 0.9, "audio"), TaskRow("B", 0.8, "graphs"), TaskRow("C", 0.7, "audio")]
    text = Pieces(tags_html(rows, 0.4, [TaskRow("D", 0.2, "audio")])).text
    assert text == "audioAwhy?90%Cwhy?70%graphsBwhy?80%less certain, below 40%Dwhy?20%"


def test_the_threshold_is_marked_on_each_bar():
    assert tags_html([TaskRow("A", 0.9, "audio")], 0.4, [TaskRow("B", 0.2, "audio")]).count("style='left:40%'") == 2


def test_where_nothing_reaches_the_threshold_the_nearest_are_shown():
    html = tags_html([], 0.4, [TaskRow("Image Captioning", 0.12, "computer vision")])
    assert (
        "No task reaches 40%" in html
        and "less certain, below 40%" in html
        and "Image Captioning" in html
        and "12%" in html
    )


def test_a_note_stands_before_the_tasks():
    html = tags_html([TaskRow("A", 0.9, "audio")], 0.4, [], "It is <i>no</i> English.")
    assert html.startswith("<p class='note'>It is &lt;i&gt;no&lt;/i&gt; English.</p>")


def test_reasons_are_marked_within_each_other_and_escaped():
    text = "We <b>find</b> people. It runs."
    spans = [Span(0, 22, "sentence", 3.0, 0.2), Span(15, 21, "word", 2.0, 0.4), Span(3, 6, "mention", 1.0, 0.5)]
    html = reasons_html(Explanation("A & B", 0.9, text, spans))
    pieces = Pieces(html.partition("class='reading'")[2])
    assert "<b>" not in html and "A &amp; B" in html and text in pieces.text
    assert ("mention sentence", "<b>") in pieces.marked and ("sentence word", "people") in pieces.marked
    assert "".join(words for _, words in pieces.marked) == text[:22]
    assert "without “people”: 40%" in html and "without its name: 50%" in html


def test_a_task_that_nothing_carries_alone_is_reported():
    html = reasons_html(Explanation("A", 0.9, "Some text.", []))
    assert "No sentence or word carries it alone" in html and "<mark" not in html
