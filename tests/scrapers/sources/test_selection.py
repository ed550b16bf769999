import json

import pytest

from paper_tasks.paths import JSON_FILES
from scrapers.sources.selection import Selection, original_selection, slug


def method(name="m", full_name="m", collection="c", area="a"):
    return {"name": name, "full_name": full_name, "main_collection": {"name": collection, "area": area}}


@pytest.mark.parametrize(
    "name, expected",
    [
        ("VGG-16 (large)", "vgg-16-large"),
        ("Q-Learning", "q-learning"),
        ("Convolutional Neural Networks", "convolutional-neural-networks"),
        ("k-Means  Clustering", "k-means-clustering"),
        ("Größe", "groe"),
        ("", ""),
    ],
)
def test_slug(name, expected):
    assert slug(name) == expected


def test_original_selection_is_what_ships():
    selection = original_selection()
    assert (len(selection.methods), len(selection.collections)) == (698, 34)
    assert {"resnet", "transformer"} <= selection.methods and "language-models" in selection.collections
    for name, kind in (("method_links.json", "method"), ("category_links.json", "methods/category")):
        links = json.loads((JSON_FILES / name).read_text(encoding="utf-8"))
        assert len(links) == len(set(links))
        assert all(link.startswith(f"https://paperswithcode.com/{kind}/") for link in links)


@pytest.mark.parametrize(
    "selection, taken",
    [
        (Selection(), True),
        (Selection(methods=frozenset({"resnet"})), True),
        (Selection(methods=frozenset({"residual-network"})), True),
        (Selection(collections=frozenset({"convolutional-neural-networks"})), True),
        (Selection(areas=frozenset({"computer vision"})), True),
        (Selection(methods=frozenset({"vgg"}), areas=frozenset({"audio"})), False),
        (original_selection(), True),
    ],
)
def test_takes(selection, taken):
    resnet = method("ResNet", "Residual Network", "Convolutional Neural Networks", "Computer Vision")
    assert selection.takes({"methods": [method(), resnet]}) is taken


def test_records_without_methods():
    for record in ({}, {"methods": None}, {"methods": []}, {"methods": [{"name": None, "main_collection": None}]}):
        assert Selection().takes(record) and not original_selection().takes(record)
