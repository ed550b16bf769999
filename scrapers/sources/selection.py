"""Selects records of Papers with Code's dump by their methods."""

import json
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from paper_tasks.paths import JSON_FILES


@dataclass(frozen=True)
class Selection:
    """Takes records with a method that is in `methods`, in a collection of `collections` or in an area of `areas`.

    Methods and collections are slugs, areas are in lower case. If all three are empty, it takes every record.
    """

    methods: frozenset[str] = frozenset()
    collections: frozenset[str] = frozenset()
    areas: frozenset[str] = frozenset()

    def takes(self, record: dict[str, Any]) -> bool:
        """Whether the record is selected."""
        return self == Selection() or any(map(self._has, record.get("methods") or []))

    def _has(self, method: dict[str, Any]) -> bool:
        home = method.get("main_collection") or {}
        return (
            slug(method.get("name") or "") in self.methods
            or slug(method.get("full_name") or "") in self.methods
            or slug(home.get("name") or "") in self.collections
            or (home.get("area") or "").casefold() in self.areas
        )


def original_selection() -> Selection:
    """The methods and collections whose papers the original project collected."""
    return Selection(_slugs_of("method_links.json"), _slugs_of("category_links.json"))


@lru_cache(100_000)
def slug(name: str) -> str:
    """A name as the site writes it in an address: "VGG-16 (large)" gives "vgg-16-large"."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain)).strip("-_")


def _slugs_of(name: str) -> frozenset[str]:
    addresses = json.loads((JSON_FILES / name).read_text(encoding="utf-8"))
    return frozenset(address.rpartition("/")[2] for address in addresses)
