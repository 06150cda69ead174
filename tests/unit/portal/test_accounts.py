"""Accounts of the portal on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stores import SqliteStore
from tests.unit.cli.desk import Desk as Line
from tests.unit.portal.conftest import PASSWORD, Browser
from tests.unit.todos.conftest import desk


def test_accounts_are_made_listed_disabled_and_never_show_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = desk(tmp_path, SqliteStore())
    monkeypatch.setenv("COPHUB_STORE", office.store)
    monkeypatch.setenv("COPHUB_SECRET_PORTAL_WANG", "another long password")
    line = Line(office.folder)
    said = line.cophub("accounts", "add", "Li.Na", "--person", "1", "--json", stdin=f"{PASSWORD}\n")
    assert (said.code, said.json["name"]) == (0, "li.na")
    assert line.cophub("accounts", "add", "wang", "--person", "2", "--password", "secret://portal/wang").code == 0
    wrong = {
        "person.unknown": line.cophub("accounts", "add", "x", "--person", "99", "--json", stdin=PASSWORD),
        "password.short": line.cophub("accounts", "add", "x", "--person", "1", "--json", stdin="short"),
        "password.reference": line.cophub("accounts", "password", "wang", "--password", PASSWORD, "--json"),
        "account.taken": line.cophub("accounts", "add", "wang", "--person", "1", "--json", stdin=PASSWORD),
        "account.unknown": line.cophub("accounts", "disable", "nobody", "--json"),
    }
    assert {code: one.json["error"]["code"] for code, one in wrong.items()} == {code: code for code in wrong}
    assert line.cophub("accounts", "password", "wang", stdin=f"{PASSWORD} again").code == 0
    assert line.cophub("accounts", "disable", "wang").code == 0
    told = line.cophub("accounts", "--json")
    valid = {one["name"]: one["disabled_at"] is None for one in told.json["accounts"]}
    assert valid == {"li.na": True, "wang": False}
    assert "argon2" not in told.out
    assert line.cophub("accounts", "enable", "wang").code == 0
    actions = [row[0] for row in office.rows("SELECT action FROM audit WHERE object = 'account:wang' ORDER BY seq")]
    assert actions == ["account.made", "account.password", "account.disabled", "account.enabled"]
    office.close()


def test_links_are_listed_made_and_taken_away_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office = desk(tmp_path, SqliteStore())
    monkeypatch.setenv("COPHUB_STORE", office.store)
    line = Line(office.folder)
    assert line.cophub("accounts", "add", "li.na", "--person", "1", stdin=f"{PASSWORD}\n").code == 0
    where = ("https://login.example.com", "8f3e")
    assert line.cophub("accounts", "link", "li.na", *where).code == 0
    assert line.cophub("accounts", "link", "li.na", *where, "--json").json["error"]["code"] == "login.taken"
    one = {"issuer": where[0], "subject": where[1], "account": "li.na"}
    assert line.cophub("accounts", "links", "--json").json["links"] == [one]
    assert line.cophub("accounts", "unlink", *where).code == 0
    assert line.cophub("accounts", "unlink", *where, "--json").json["error"]["code"] == "login.nobody"
    assert line.cophub("accounts", "links", "--json").json["links"] == []
    assert line.cophub("accounts", "remove-second", "li.na", "--json").json["removed"] is False
    office.close()


def test_operators_see_and_end_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office = desk(tmp_path, SqliteStore())
    monkeypatch.setenv("COPHUB_STORE", office.store)
    line = Line(office.folder)
    assert line.cophub("accounts", "add", "li.na", "--person", "1", stdin=f"{PASSWORD}\n").code == 0
    browser = Browser(office)
    browser.client.headers["user-agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
    assert browser.login("li.na").status_code == 303
    told = line.cophub("accounts", "sessions", "li.na", "--json").json
    assert ([one["browser"] for one in told["sessions"]], told["ended"]) == (["Firefox, Linux"], False)
    browser.get("/portal/todos")
    assert line.cophub("accounts", "sessions", "li.na", "--end").code == 0
    browser.get("/portal/todos", 303)
    assert line.cophub("accounts", "sessions", "li.na", "--json").json["sessions"] == []
    actions = [row[0] for row in office.rows("SELECT action FROM audit WHERE object = 'account:li.na' ORDER BY seq")]
    assert actions == ["account.made", "session.begun", "session.ended"]
    assert line.cophub("accounts", "sessions", "nobody", "--json").json["error"]["code"] == "account.unknown"
    office.close()
