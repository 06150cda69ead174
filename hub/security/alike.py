"""Names that are written differently and are the same to a directory, or to who reads them.

Directories compare names without case, accents, width and blanks around them, and what has no width at all is in no
name that somebody can see. Letters of other scripts that look like Latin ones are other letters.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

BLANKS: Final = re.compile(r"\s+")
NOTHING: Final = "\u1806\ufffc\u115f\u1160"
"""Of other categories: what RFC 4518, 2.2 maps to nothing, and fillers that nobody sees."""


def alike(name: str) -> str:
    """The same for all names that are one: ``ＡＤＭＩＮ``, ``Ádmin`` and ``admin `` are ``admin``."""
    if name.isascii() and name.isalnum():
        return name.lower()
    wide = unicodedata.normalize("NFKD", name.upper().casefold())
    kept = "".join(map(_kept, wide))
    return BLANKS.sub(" ", unicodedata.normalize("NFKC", kept.casefold())).strip()


def _kept(letter: str) -> str:
    kind = unicodedata.category(letter)
    if kind in ("Mn", "Cf", "Cs", "Co", "Cn") or letter in NOTHING or (kind == "Cc" and not letter.isspace()):
        return ""
    return "-" if kind == "Pd" else letter
