"""Chromium, which tests of pages drive: nothing to start."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from tests.systems.place import Place, Unavailable

APT = ("chromium", "fonts-liberation")


def installed() -> bool:
    return shutil.which("chromium") is not None


def up(place: Place) -> Mapping[str, str]:
    if not installed():
        raise Unavailable("there is no chromium")
    return {}
