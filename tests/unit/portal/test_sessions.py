"""Where somebody is logged in: his own page, and the command line of operators."""

from __future__ import annotations

import re

import pytest

from hub.security.sessions import called
from tests.unit.portal.conftest import Browser
from tests.unit.todos.conftest import Desk

PHONE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36"
DESK = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0"


def entered(office: Desk, agent: str, name: str = "li.na") -> Browser:
    made = Browser(office)
    made.client.headers["user-agent"] = agent
    assert made.login(name).status_code == 303
    return made


def number(page: str, browser: str) -> str:
    found = re.search(rf'name="number" value="([0-9a-f]{{32}})">\s*<p><strong>{browser}', page)
    assert found is not None, page
    return found[1]


def test_one_session_ends_by_its_owner_and_the_others_go_on(office: Desk) -> None:
    phone, desk, third = entered(office, PHONE), entered(office, DESK), entered(office, "curl/8")
    page = desk.text("/portal/sessions")
    assert (page.count("<strong>"), page.count("this one")) == (3, 1)
    place = "/portal/sessions"
    assert desk.post(place, desk.token(place), number=number(page, "Chrome, Android")).status_code == 303
    phone.get("/portal/todos", 303)
    third.get("/portal/todos")
    desk.get("/portal/todos")


def test_all_others_end_at_once(office: Desk) -> None:
    phone, desk, other = entered(office, PHONE), entered(office, DESK), entered(office, DESK, "wang.wei")
    assert desk.post("/portal/sessions", desk.token("/portal/sessions")).status_code == 303
    phone.get("/portal/todos", 303)
    assert desk.text("/portal/sessions").count("<strong>") == 1
    other.get("/portal/todos")


def test_nobody_ends_a_session_of_somebody_else(office: Desk) -> None:
    mine, his = entered(office, PHONE), entered(office, DESK, "wang.wei")
    wanted = number(mine.text("/portal/sessions"), "Chrome, Android")
    assert his.post("/portal/sessions", his.token("/portal/sessions"), number=wanted).status_code == 303
    mine.get("/portal/todos")
    his.get("/portal/todos")


AGENTS = [(PHONE, "Chrome, Android"), (DESK, "Firefox, Windows"), ("<b>", ""), ("", "")]


@pytest.mark.parametrize(("agent", "name"), AGENTS)
def test_a_browser_is_called_by_two_words(agent: str, name: str) -> None:
    assert called(agent) == name
