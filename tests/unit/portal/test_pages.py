"""What the pages show, to whom, and in which language."""

from __future__ import annotations

import hashlib
import re
import uuid
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

import pytest

from hub.portal.pages import HEADERS, POLICY
from hub.portal.words import WORDS, chosen
from hub.portal.words_audit import CHINESE
from hub.security.audit import ACTIONS
from tests.docs.pages import DOCS
from tests.unit.portal.conftest import Browser, identity, todo
from tests.unit.todos.conftest import Desk

HTMX = {"hx-request": "true"}
TITLES = re.compile(r"Leave (\w+)")


class Inline(HTMLParser):
    """What a policy without inline scripts and styles would stop."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found += [f"{tag} {name}" for name in given if name.startswith("on") or name == "style"]
        self.found += [f"{tag} {name}" for name, value in attrs if name[:5] == "hx-on" or (value or "")[:3] == "js:"]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.found.append(tag)
        for name in ("src", "href"):
            value = given.get(name) or ""
            if name in given and tag in ("script", "link", "img") and not value.startswith("/portal/static/"):
                self.found.append(f"{tag} {value}")


def titles(page: str) -> list[str]:
    """Titles of the list, in its order."""
    return TITLES.findall(page.partition('class="items"')[2])


def test_every_answer_has_the_headers_of_safety_and_no_page_runs_what_stands_in_it(office: Desk, li: Browser):
    office.report(todo(1))
    places = {
        "/portal/login": 303,
        "/portal/todos": 200,
        f"/portal/todos/{identity(office, '1')}": 200,
        "/portal/todos/1": 404,
        "/portal/todos?box=nothing": 400,
        "/portal/nothing": 404,
        "/portal/static/portal.css": 200,
        "/portal/static/..%2fwords.py": 404,
    }
    for place, status in places.items():
        answer = li.get(place, status)
        for name, value in HEADERS.items():
            assert answer.headers.get_list(name) == [value], (place, name)
        kept = "immutable" in answer.headers["cache-control"]
        assert kept == (place == "/portal/static/portal.css"), place
        page = Inline()
        page.feed(answer.text if "html" in answer.headers.get("content-type", "") else "")
        assert page.found == [], place
    stranger = Inline()
    stranger.feed(Browser(office).text("/portal/login"))
    assert stranger.found == []
    assert "'unsafe" not in POLICY


def test_a_person_sees_what_is_his_and_nothing_else(office: Desk, li: Browser):
    wang = Browser(office)
    wang.login("wang.wei")
    office.report(todo(1, "1"), todo(2, "2"), todo(3, "1", "2"), todo(4, "2", status="withdrawn"))
    assert sorted(titles(li.text("/portal/todos"))) == ["1", "3"]
    assert sorted(titles(wang.text("/portal/todos"))) == ["2", "3"]
    ids = {one["source_id"]: one["id"] for key in "12" for one in office.inbox(key)}
    for browser, seen in ((li, {"A-1", "A-3"}), (wang, {"A-2", "A-3"})):
        for name, one in ids.items():
            for headers in ({}, HTMX):
                answer = browser.get(f"/portal/todos/{one}", 200 if name in seen else 404, headers)
                assert ("todo.unknown" in answer.text) == (name not in seen)
    li.get(f"/portal/todos/{uuid.uuid4()}", 404)
    page = li.text(f"/portal/todos/{ids['A-3']}")
    assert "wang" not in page.lower()


def test_why_somebody_sees_it_is_told_to_him_alone(office: Desk, li: Browser):
    office.report(todo(1, "1"), todo(2, "2"))
    page = li.text(f"/portal/todos/{identity(office, '1')}/why")
    assert "Why do I see this?" in page
    assert "is in your list" in page
    assert '<code>todo.shown</code>' in page
    for other in (identity(office, "2"), uuid.uuid4(), "x"):
        assert "todo.unknown" in li.get(f"/portal/todos/{other}/why", 404).text


def test_what_systems_say_is_text(office: Desk, li: Browser):
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}"
    office.report(
        todo(
            1,
            title=evil,
            text=evil,
            process=evil[:90],
            node=evil[:90],
            attributes={"a": {"title": evil, "value": evil}},
            links={"pc": "https://oa.example/\"onmouseover=alert(1)"},
            responses=[{"code": "agree", "title": evil}],
        )
    )
    for place in ("/portal/todos", f"/portal/todos/{identity(office, '1')}"):
        answer, page = li.text(place), Inline()
        page.feed(answer)
        assert page.found == []
        assert "<img src=x" not in answer
        assert "&lt;script&gt;alert(1)" in answer
        assert "{{ 7*7 }}" in answer
    (link,) = re.findall(r'<a class="button[^>]*https://oa\.example[^>]*>', answer)
    assert "&#34;onmouseover" in link
    assert 'rel="noopener noreferrer"' in link


def test_boxes_filters_search_and_orders(office: Desk, li: Browser):
    office.report(
        todo(1, priority="high", due="2026-12-02T08:00:00Z"),
        todo(2, system="pms", due="2026-12-01T08:00:00Z", version={"at": "2026-11-27T08:15:00Z"}),
        todo(3, assignees=[{"to": {"code": "1"}, "read": True}], version={"at": "2026-11-25T08:15:00Z"}),
        todo(4, assignees=[{"to": {"code": "1"}, "kind": "to_read"}]),
        todo(5, assignees=[{"to": {"code": "1"}, "done": True, "outcome": "agree"}]),
        todo(6, assignees=[{"to": {"code": "1"}, "kind": "initiated"}]),
    )
    wanted = {
        "": ["2", "1", "3"],
        "?order=oldest": ["3", "1", "2"],
        "?order=due": ["2", "1", "3"],
        "?order=priority": ["1", "2", "3"],
        "?system=pms": ["2"],
        "?priority=high": ["1"],
        "?unread=1": ["2", "1"],
        "?q=leave+3": ["3"],
        "?q=%E8%AF%B7%E5%81%87+2": ["2"],
        "?q=100%25": [],
        "?box=to_read": ["4"],
        "?box=done": ["5"],
        "?box=initiated": ["6"],
    }
    assert {asked: titles(li.text(f"/portal/todos{asked}")) for asked in wanted} == wanted
    page = li.text("/portal/todos")
    assert "3 to-dos · 2 unread" in re.sub(r"\s+", " ", page)
    assert "Overdue by" not in page.partition("Leave 2")[2].partition("</li>")[0]
    assert "Nothing matches" in li.text("/portal/todos?q=nothing")


def test_a_long_list_has_pages(office: Desk, li: Browser):
    office.report(*(todo(n, due=f"2026-12-{n % 28 + 1:02}T08:00:00Z" if n % 3 else None) for n in range(60)))
    for order in ("newest", "oldest", "due", "priority"):
        place, found = f"/portal/todos?order={order}", []
        while place:
            page = li.text(place)
            found += titles(page)
            more = re.search(r'href="(\?[^"]*after=[^"]*)">Next page', page)
            place = "/portal/todos" + more[1].replace("&amp;", "&") if more else ""
        assert sorted(found, key=int) == [str(n) for n in range(60)], order
    assert li.get("/portal/todos?after=nonsense", 400).text.count("request.malformed")


def test_a_page_asks_for_its_part_and_gets_nothing_where_nothing_changed(office: Desk, li: Browser):
    office.report(todo(1))
    for hour, place in enumerate(("/portal/todos", f"/portal/todos/{identity(office, '1')}"), 10):
        page = li.text(place)
        again = re.search(r'hx-get="([^"]*)" hx-trigger="every 15s,', page)
        assert again is not None
        asked = again[1].replace("&amp;", "&")
        assert li.get(asked, 204, HTMX).text == ""
        office.report(todo(1, title=f"Leave at {hour}", version={"at": f"2026-11-26T{hour}:15:00Z"}))
        part = li.get(asked, 200, HTMX).text
        assert f"Leave at {hour}" in part
        assert "<html" not in part


def test_a_to_do_has_its_facts_links_and_history(office: Desk, li: Browser):
    office.report(
        todo(
            1,
            "1",
            "2",
            text="Three days",
            due="2026-12-01T08:00:00Z",
            attributes={"days": {"title": {"en": "Days", "zh": "天数"}, "value": "3"}},
            links={"pc": "https://oa.example/1", "mobile": "https://m.oa.example/1", "app": "oa://1"},
            responses=[{"code": "agree", "title": {"en": "Agree", "zh": "同意"}, "nature": "positive"}],
        )
    )
    office.report(todo(1, version={"at": "2026-11-25T08:15:00Z"}))
    place = f"/portal/todos/{identity(office, '1')}"
    page = li.text(place)
    for text in ("Three days", "1 Dec 2026, 08:00", "Days", "oa://1", "Agree", "content, 2 receivers", "todo.stale"):
        assert text in page, text
    assert "同意" in browser_of(office, "zh-CN").text(place)


def browser_of(office: Desk, language: str, name: str = "li.na") -> Browser:
    made = Browser(office, language)
    assert made.login(name).status_code == 303
    return made


def test_the_language_is_the_readers(office: Desk):
    office.report(todo(1))
    chinese = browser_of(office, "zh-CN,zh;q=0.9,en;q=0.5")
    page = chinese.text("/portal/todos")
    assert 'lang="zh-CN"' in page
    assert "请假 1" in page
    assert "我的待办" in page
    token = chinese.token("/portal/todos")
    answer = chinese.post("/portal/language", token, language="en", back="/portal/todos?box=done")
    assert answer.headers["location"] == "/portal/todos?box=done"
    assert "Leave 1" in chinese.text("/portal/todos")
    chinese.post("/portal/logout", chinese.token("/portal/todos"))
    assert "Log in" in chinese.text("/portal/login")  # this browser
    assert "My to-dos" in browser_of(office, "zh-CN").text("/portal/todos")  # this account
    assert "我的待办" in browser_of(office, "zh-CN", "wang.wei").text("/portal/todos")
    nothing = chinese.post("/portal/language", chinese.token(), language="xx", back="https://evil.example")
    assert nothing.headers["location"] == "/portal/todos"


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("", "en"),
        ("de,fr;q=0.8", "en"),
        ("zh-TW", "zh-TW"),
        ("en;q=0.3, zh-CN;q=0.8", "zh-CN"),
        ("zh;q=0", "en"),
        ("zh;q=x, en", "en"),
        ("*", "en"),
    ],
)
def test_the_language_a_browser_asks_for(header: str, wanted: str):
    assert chosen(header) == wanted


def test_errors_are_pages_with_a_code_and_the_requests_number(li: Browser):
    answer = li.get("/portal/nothing", 404)
    assert "page.unknown" in answer.text
    assert answer.headers["x-request-id"] in answer.text
    api: Any = li.client.get("/v1/nothing")
    assert api.json()["code"] == "route.unknown"  # the API's stay problems
    assert api.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_every_text_is_there_in_both_languages():
    assert [key for key, texts in WORDS.items() if len(set(texts)) < 2 or not all(texts)] == []
    for key, (english, chinese) in WORDS.items():
        assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", chinese)), key
    templates = files("hub.portal").joinpath("templates")
    used = {
        key
        for one in templates.iterdir()
        for key in re.findall(r'\bt\("([a-z_.]+[a-z_])"', one.read_text(encoding="utf-8"))
    }
    assert used - set(WORDS) == set()
    assert CHINESE.keys() == ACTIONS.keys()


def test_htmx_is_the_file_that_its_maintainers_published():
    content = files("hub.portal").joinpath("static", "htmx-4.0.1.min.js").read_bytes()
    page = (DOCS / "how-to" / "portal.md").read_text(encoding="utf-8")
    assert hashlib.sha256(content).hexdigest() in page
