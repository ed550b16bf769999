"""The HTML of the page's pieces, without a browser."""

from html.parser import HTMLParser

from deployment.common.wording import ONLY_ALSO
from deployment.gradio_app.html import TaskRow, reasons_html, tags_html
from paper_tasks.tagger.classifier import MAIN, OK
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


def row(task, probability, area="audio", level=MAIN):
    return TaskRow(task, probability, level, area)


def test_names_are_escaped():
    html = tags_html([row("<b>'x'</b>", 0.5, "a & b")], [], [], 0.1, ["<i>"])
    assert "<b>" not in html and "Topics: &lt;i&gt;" in html
    assert "&lt;b&gt;&#x27;x&#x27;&lt;/b&gt;" in html and "a &amp; b" in html


def test_tasks_are_grouped_by_area_the_likeliest_first():
    rows = [row("A", 0.9), row("B", 0.8, "graphs"), row("C", 0.7)]
    text = Pieces(tags_html(rows, [], [row("D", 0.2)], 0.4)).text
    assert text == "Works onaudioAwhy?90%Cwhy?70%graphsBwhy?80%less certain, below 40%Dwhy?20%"


def test_tasks_that_also_fit_come_under_a_heading_of_their_own():
    html = tags_html([row("A", 0.5)], [row("B", 0.9, level=OK)], [row("C", 0.2)], 0.4, ["SSIM", "Anatomy"])
    assert Pieces(html).text == (
        "Works onaudioAwhy?50%AlsoaudioBwhy?90%less certain, below 40%Cwhy?20%Topics: SSIM, Anatomy"
    )
    assert "data-task='B' data-level='ok'" in html and html.count("data-level='main'") == 2


def test_where_tasks_only_fit_it_is_said():
    text = Pieces(tags_html([], [row("B", 0.9, level=OK)], [], 0.4)).text
    assert text.startswith(ONLY_ALSO + "Also") and "Works on" not in text and "No task reaches" not in text


def test_the_threshold_is_marked_on_each_bar():
    assert tags_html([row("A", 0.9)], [], [row("B", 0.2)], 0.4).count("style='left:40%'") == 2


def test_where_nothing_reaches_the_threshold_the_nearest_are_shown():
    html = tags_html([], [], [row("Image Captioning", 0.12)], 0.4)
    assert (
        "No task reaches 40%" in html
        and "less certain, below 40%" in html
        and "Image Captioning" in html
        and "12%" in html
    )


def test_a_note_stands_before_the_tasks():
    html = tags_html([row("A", 0.9)], [], [], 0.4, note="It is <i>no</i> English.")
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
