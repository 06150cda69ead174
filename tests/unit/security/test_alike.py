"""Names that are one to a directory."""

from __future__ import annotations

import pytest

from hub.security.alike import alike


@pytest.mark.parametrize(
    "name",
    ["admin", "ADMIN", "ａｄｍｉｎ", "Ádmin", "a\u0301dmin", " admin\t", "ad\u200bmin", "adm\u0131n", "ADM\u0130N",
     "ad\u00admin", "\u202eadmin", "a\ufe00dmin", "ⓐdmin", "ad\x00min", "ad\ufffcmin", "ad\u1806min",
     "admin\u3164"],
    ids=ascii,
)  # fmt: skip
def test_names_that_are_one(name: str):
    assert alike(name) == "admin"


@pytest.mark.parametrize("name", ["admin2", "ad min", "ad-min", "adm.in", "аdmin", "admins", "*", ""], ids=ascii)
def test_names_that_are_others(name: str):
    assert alike(name) != "admin"


def test_what_is_alike_stays_so():
    for name in ("Straße", "ſ", "ﬃ", "İ", "Ω", "王伟", "a  b", "x‐y", "ΐ", "ᾳ", "ǅ"):
        assert alike(alike(name)) == alike(name)
    assert alike("Straße") == alike("STRASSE")
    assert alike("a   b") == alike("A\u00a0B")
    assert alike("break‐glass") == "break-glass"
