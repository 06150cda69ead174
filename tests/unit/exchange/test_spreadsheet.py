"""CSV for people holds no formula, and links come back from it as they were."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.exchange.spreadsheet import GUARDED, harmless, write_rows

FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1"]
WIDE = ["＝1+1", "＋1+1", "－1+1", "＠A1"]
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@pytest.mark.parametrize("text", FORMULAS + WIDE)
def test_what_would_be_calculated_is_text(text: str):
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("value", ["-12.50", "+49711", "1e5", "A-1", "a=b", "", None, 7, -7.5])
def test_numbers_and_plain_texts_stay(value: object):
    assert harmless(value) == value


def test_every_text_is_quoted_and_numbers_are_not():
    out = io.StringIO()
    assert write_rows(out, ("key", "n"), [('=a"b', -7), (None, 1.5)]) == 2
    assert out.getvalue() == '"key","n"\n"\'=a""b",-7\n"",1.5\n'


@given(st.text(alphabet="'=+-@＝\t\r\n 1a"))
def test_it_can_be_undone(text: str):
    written = harmless(text)
    assert re.sub(GUARDED, r"\1", written) == text
    assert not re.match(r"[\s]*[=+\-@＝＋－＠]", written) or re.fullmatch(r"[+-]?\d+", written)


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=2)))
def test_what_is_written_is_read_back(rows: list[list[str]]):
    out = io.StringIO()
    write_rows(out, ("a", "b"), rows)
    read = list(csv.reader(io.StringIO(out.getvalue(), newline="")))[1:]
    assert [[re.sub(GUARDED, r"\1", cell) for cell in row] for row in read] == rows
