"""To-dos at Radicale, a real CalDAV server: the contract kit, tokens, deletions, and unknown properties that stay."""

from __future__ import annotations

import base64
import json
import re
import secrets
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar

from connectors.caldav import SPEC
from connectors.caldav.objects import changed, record
from hub.contract import Change, Context, Page, Query
from hub.errors import Fatal
from hub.testing import Case, failures, run_contract
from hub.testing.writing import BATCH, WHOLE, exempting
from tests.conftest import Login
from tests.unit.http.between import Between
from tests.unit.http.fake import Answer, Asked, fake, lines, running

pytestmark = pytest.mark.against("caldav", "Radicale", "real")

EXEMPT = {
    **exempting("each to-do is a request of its own", BATCH),
    **exempting("to-dos are written one by one", WHOLE),
    **dict.fromkeys(
        ("cursor_order", "cursor_ties", "since_inclusive", "change_seen"),
        "reads go on from a token, not a cursor",
    ),
    "announced_count": "CalDAV announces no number",
}
TODO = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//Other//EN\r
BEGIN:VTODO\r
UID:{uid}\r
DTSTAMP:20260101T000000Z\r
SUMMARY:{summary}\r
END:VTODO\r
END:VCALENDAR\r
"""


class Place:
    """A collection of its own at the server, spoken to behind the connector's back."""

    def __init__(self, login: Login, url: str) -> None:
        self.login, self.url = login, url
        self.path = f"/{login.username}/{secrets.token_hex(6)}/"
        kind = (
            '<C:supported-calendar-component-set><C:comp name="VTODO"/></C:supported-calendar-component-set>'
        )
        spaces = 'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'
        body = f"<C:mkcalendar {spaces}><D:set><D:prop>{kind}</D:prop></D:set></C:mkcalendar>"
        self.ask("MKCALENDAR", "", body)

    def ask(self, method: str, name: str, body: str | None = None, **headers: str) -> str:
        login = base64.b64encode(f"{self.login.username}:{self.login.password}".encode()).decode()
        request = urllib.request.Request(
            self.login.url + self.path + name, data=None if body is None else body.encode(), method=method,
            headers={"Authorization": f"Basic {login}", "Content-Type": "text/calendar; charset=utf-8", **headers},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=30) as answer:
            read: str = answer.read().decode()
            return read

    def put(self, values: Mapping[str, Any]) -> None:
        """Written by another client: with icalendar's own builder."""
        calendar = Calendar.from_ical(TODO.format(uid="x", summary="x"))
        todo = calendar.walk("VTODO")[0]
        for name in ("UID", "SUMMARY"):
            del todo[name]
        for name, value in values.items():
            todo.add(name.replace("_", "-"), value)
        self.ask(
            "PUT",
            f"{values['uid']}.ics" if str(values["uid"]).isalnum() else "odd.ics",
            calendar.to_ical().decode(),
        )

    def stored(self) -> list[dict[str, Any]]:
        found = Calendar.from_ical(self.ask("GET", "")).walk("VTODO")
        names = ("UID", "SUMMARY", "PRIORITY", "LOCATION")
        return [{name.lower(): str(one[name]) for name in names if name in one} for one in found]


@pytest.fixture(scope="module")
def between(caldav: Login) -> Iterator[Between]:
    made = Between(caldav.url, lambda asked: asked.method == "PUT")
    with running(made.fake):
        yield made


@pytest.fixture
def opened(caldav: Login) -> Iterator[Callable[..., Any]]:
    with ExitStack() as stack:

        def made(place: Place, password: str | None = None, **resource: Any) -> Any:
            settings = SPEC.settings.model_validate({
                "url": place.url, "limits": {"retries": 0}, "page_size": 9,
                "auth": {"basic": {"username": caldav.username, "password": password or caldav.password}},
            })  # fmt: skip
            declared = {"todos": SPEC.resource.model_validate({"path": place.path, **resource})}
            connector = SPEC.open(Context(f"caldav {place.url}"), settings, declared)
            stack.callback(connector.close)
            return connector

        yield made


@pytest.fixture
def place(caldav: Login) -> Place:
    return Place(caldav, caldav.url)


def read(connector: Any, token: str | None = None) -> tuple[list[Any], Page, list[str]]:
    pages = list(connector.read(Query(connector.resource("todos"), token=token)))
    return lines(pages), pages[-1], [key for page in pages for key in page.deleted]


def test_radicale_keeps_the_contract(caldav: Login, between: Between, opened: Callable[..., Any]) -> None:
    def fresh(records: Sequence[Mapping[str, Any]]) -> Place:
        made = Place(caldav, between.fake.url)
        for one in records:
            made.put(one)
        return made

    case = Case(
        name="caldav", fresh=fresh, open=opened, resource="todos", key=("uid",),
        record=lambda n: {"uid": f"p{n:03}", "summary": f"Name {n}", "priority": n % 10, "location": f"R{n}"},
        exact={"summary": 'O\'Neil; "安", 😀\n\\', "uid": "a@b'c ü&1"}, stored=lambda place: place.stored(),
        change=lambda place, one: place.put(one), remove=lambda place, one: place.ask("DELETE", f"{one['uid']}.ics"),
        refused={"priority": "high"}, locked_out=lambda place: opened(place, "wr0ng-password-of-nobody"),
        throttle=lambda place, seconds: setattr(between, "pause", seconds),
        lose_answer=lambda place: setattr(between, "lose", True),
        secrets=(caldav.password, "wr0ng-password-of-nobody"), exempt=EXEMPT,
    )  # fmt: skip
    assert failures(run_contract(case)) == []


def test_what_changed_and_what_is_gone_comes_by_token(place: Place, opened: Callable[..., Any]) -> None:
    for n in range(4):
        place.put({"uid": f"u{n}", "summary": f"n{n}"})
    place.ask("PUT", "oddly-named", TODO.format(uid="u9", summary="odd"))
    connector = opened(place)
    rows, last, _ = read(connector)
    assert sorted(row["uid"] for row in rows) == ["u0", "u1", "u2", "u3", "u9"]
    place.put({"uid": "u1", "summary": "other"})
    for name in ("u2.ics", "oddly-named"):
        place.ask("DELETE", name)
    rows, last, deleted = read(connector, last.token)
    assert ([(row["uid"], row["summary"]) for row in rows], sorted(deleted)) == (
        [("u1", "other")],
        ["u2", "u9"],
    )
    assert read(connector, last.token)[0::2] == ([], [])


def test_a_token_that_the_server_has_forgotten_means_reading_everything(
    place: Place, opened: Callable[..., Any]
) -> None:
    connector = opened(place)
    token = json.loads(str(read(connector)[1].token))
    forgotten = json.dumps(token | {"mark": re.sub(r"[0-9a-f]{64}$", "0" * 64, token["mark"])})
    for wrong in (forgotten, "rubbish", json.dumps(token | {"place": "elsewhere"})):
        with pytest.raises(Fatal) as refused:
            read(connector, wrong)
        assert refused.value.code == "token.expired"


def texts(fixtures: Path) -> Iterator[tuple[str, str]]:
    """The public to-dos, with the placeholders of their test suites filled in."""
    for path in sorted((fixtures / "tasks" / "caldav_vtodo").glob("*.ics")):
        text = path.read_text().replace("\r\n", "\n").strip().replace("\n", "\r\n") + "\r\n"
        text = re.sub(r"\$(?:cuaddr\w*?)(\d):", r"mailto:u\1@example.com", text)
        text = re.sub(r"\$([a-z]+)(\d+)?:", r"\1\2", text)
        if not text.startswith("BEGIN:VCALENDAR"):
            text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Other//EN\r\n{text}END:VCALENDAR\r\n"
        yield path.name, text


def unfolded(text: str) -> list[str]:
    return re.sub(r"\r?\n[ \t]", "", text).splitlines()


def test_public_todos_lose_nothing_when_one_property_changes(
    fixtures: Path, place: Place, opened: Callable[..., Any]
) -> None:
    connector, count = opened(place), 0
    for name, original in texts(fixtures):
        text = original.replace("END:VTODO", "X-VENDOR;X-P=1:a\\,b\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\n"
            "SUMMARY:alarm\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\nEND:VTODO")  # fmt: skip
        uid = f"{name}@example.com"
        text = re.sub(r"(?m)^UID:.*?\r?$", f"UID:{uid}\r", text)
        place.ask("PUT", f"{uid}.ics", text)
        before = place.ask("GET", f"{uid}.ics")
        change = Change("update", {"uid": uid}, {"uid": uid, "summary": "changed; and, so"})
        (outcome,) = connector.deliver(connector.resource("todos"), [change])
        assert outcome.status == "done", (name, outcome.message)
        after = place.ask("GET", f"{uid}.ics")
        lost, new = set(unfolded(before)) - set(unfolded(after)), set(unfolded(after)) - set(unfolded(before))
        own = ("SUMMARY", "DTSTAMP", "LAST-MODIFIED", "SEQUENCE")
        assert {line for line in lost | new if not line.startswith(own)} == set(), name
        assert "SUMMARY:alarm" in after
        assert (
            connector.find(connector.resource("todos"), [{"uid": uid}])[0].values["summary"]
            == "changed; and, so"
        )
        place.ask("DELETE", f"{uid}.ics")
        count += 1
    assert count >= 20


def test_values_of_public_todos_are_read(fixtures: Path) -> None:
    found = {name: record(text, name, None) for name, text in texts(fixtures)}
    assert all(one is not None and one["problem"] is None for one in found.values())
    done = found["completed_9.ics"]
    assert done is not None
    assert (done["completed"], done["attendee"][1]) == ("2006-01-02T15:00:00Z", "mailto:u2@example.com")
    zoned, day = found["simple_11.ics"], found["icalendar_example_todo.ics"]
    assert zoned is not None
    assert day is not None
    assert (zoned["due"], day["due"]) == ("2006-01-01T10:00:00-05:00", "2007-05-01")
    assert day["categories"] == ["FAMILY", "FINANCE"]


def test_an_equal_value_changes_nothing_and_a_moment_keeps_its_zone() -> None:
    text = TODO.format(uid="u", summary="s").replace(
        "SUMMARY", "DUE;TZID=Europe/Berlin:20260601T100000\r\nSUMMARY"
    )
    assert record(text, "", None)["due"] == "2026-06-01T10:00:00+02:00"  # type: ignore[index]
    now = __import__("datetime").datetime(2026, 1, 2)
    assert changed(text, {"uid": "u", "summary": "s", "due": "2026-06-01T08:00:00Z"}, now) is None
    after = changed(text, {"attendee": ["mailto:a@example.com"], "due": None, "x_cost_center": "7,8"}, now)
    assert after is not None
    assert "DUE" not in after
    again = record(after, "", None)
    assert again is not None
    assert (again["attendee"], again["x_cost_center"]) == (["mailto:a@example.com"], "7,8")


@pytest.mark.parametrize(
    "text",
    [
        "", "BEGIN:VCALENDAR", TODO.format(uid="u", summary="s").replace("END:VTODO", "X"),
        TODO.format(uid="u", summary="s").replace("SUMMARY", "DUE:tomorrow\r\nSUMMARY"),
        TODO.format(uid="u", summary="s" * (1 << 20)), TODO.format(uid="u", summary="s" + "\r\nX-A:1" * 20_001),
        TODO.format(uid="u", summary="s").replace("BEGIN:VTODO", "BEGIN:VTODO\r\n" * 3000),
    ],
    ids=["empty", "cut", "open", "no time", "large", "many lines", "nested"],
)  # fmt: skip
def test_hostile_objects_are_records_with_a_problem_or_none_at_all(text: str) -> None:
    found = record(text, "x.ics", None)
    assert found is None or found["problem"] or found["due"] is None


@pytest.mark.parametrize(
    "body",
    [b"", b"<html><body>hello</body></html>", b"<a/>", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"{}",
     b'<D:multistatus xmlns:D="DAV:"/>'],
)  # fmt: skip
def test_answers_that_are_no_multistatus_stop_the_read(
    caldav: Login, opened: Callable[..., Any], body: bytes
) -> None:
    def reply(asked: Asked) -> Answer:
        return Answer(207, body)

    with fake(reply) as server:
        place = Place(caldav, server.url)
        with pytest.raises(Fatal):
            read(opened(place))


@pytest.mark.parametrize("said", ["403 Forbidden", "404 Not Found", "503 Service Unavailable"])
def test_properties_that_fail_do_not_make_a_todo_gone(
    caldav: Login, opened: Callable[..., Any], said: str
) -> None:
    failing = f"<D:propstat><D:prop><D:getetag/></D:prop><D:status>HTTP/1.1 {said}</D:status></D:propstat>"
    told = f"<D:response><D:href>/c/a.ics</D:href>{failing}</D:response><D:sync-token>t</D:sync-token>"
    body = f'<D:multistatus xmlns:D="DAV:">{told}</D:multistatus>'.encode()
    with fake(lambda asked: Answer(207, body)) as server:
        place = Place(caldav, server.url)
        with pytest.raises(Fatal, match=r"no text of a\.ics"):
            read(opened(place))
