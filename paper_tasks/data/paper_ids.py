"""How a paper is known in all tables: by its title, in whatever spelling."""

import hashlib
import re


def paper_id(title: str) -> str:
    """Ten hexadecimal digits of a title's SHA-256, the same for spellings that differ in case, signs and blanks."""
    return hashlib.sha256(re.sub("[^a-z0-9]+", " ", title.lower()).strip().encode()).hexdigest()[:10]
