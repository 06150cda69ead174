"""Whole exchanges over mail, calendars and an ERP's JSON-RPC, each with real servers at both ends."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Login
from tests.integration.test_caldav import TODO, Place
from tests.integration.test_mail import Box, Outbox, mail
from tests.systems.tryton_seed import Session
from tests.unit.cli.desk import Desk

ASKER = "ann@exchange.example.org"
TICKET = """
model: ticket
level: L1
key: [code]
fields:
  code: {type: text, required: true}
  subject: {type: text, required: true}
  asker: {type: text}
"""


def desk(folder: Path, monkeypatch: pytest.MonkeyPatch, secret: Mapping[str, str], **files: str) -> Desk:
    """A migrated workspace of these files, named by their paths with ``__`` for ``/``."""
    for name in [name for name in os.environ if name.startswith("COPHUB_")]:
        monkeypatch.delenv(name)
    for name, value in secret.items():
        monkeypatch.setenv(f"COPHUB_SECRET_{name}", value)
    for name, text in {"config__hub": "hub: test\n", **files}.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip())
    made = Desk(folder)
    found = made.cophub("check")
    assert found.code == 0, found.out + found.err
    assert made.cophub("migrate", "--yes").code == 0
    return made


def entities(made: Desk, model: str) -> dict[str, tuple[str, dict[str, Any]]]:
    rows = made.cophub("entities", model, "--gone", "--json").json["entities"]
    return {row["values"]["code"]: (row["state"], row["values"]) for row in rows}


def ran(made: Desk, name: str, *words: str) -> None:
    found = made.cophub("run", name, *words)
    assert found.code == 0, found.out + found.err


def test_mail_comes_in_and_goes_out_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, imap: Login, smtp: Login
) -> None:
    box, outbox = Box(imap), Outbox(smtp, "exchange.example.org")
    made = desk(
        tmp_path, monkeypatch, {"DESK_IMAP": imap.password, "DESK_SMTP": smtp.password},
        config__systems__inbox=f"""
system: inbox
connector: mail
imap: {imap.url}
starttls: false
username: {box.user}
password: secret://desk/imap
max_message: 1MB
resources:
  requests: {{folder: INBOX}}
""",
        config__systems__outbox=f"""
system: outbox
connector: mail
smtp: {smtp.url}
starttls: false
username: {smtp.username}
password: secret://desk/smtp
resources:
  answers:
    send: {{sender: Desk <desk@example.com>, headers: {{number: X-Number}}, updates: skip}}
    key: number
""",
        config__models__ticket=TICKET,
        mappings__tickets="""
mapping: tickets
from: inbox.requests
into: ticket
fields: {code: id, subject: subject, asker: sender.address}
unmatched: create
absent: {reaction: disable}
guard: off
""",
        mappings__answers="""
mapping: answers
from: ticket
into: outbox.answers
key: number
fields: {number: code, to: asker, subject: "'Re: ' || subject", text: "'We got it.'"}
guard: off
""",
    )  # fmt: skip
    box.put(
        mail({"message_id": "<a@x>", "subject": "first", "sender": ASKER}),
        mail({"message_id": "<b@x>", "subject": "second", "sender": ASKER}),
        b"Message-ID: <c@x>\r\n\r\n" + b"no subject",
    )  # fmt: skip
    ran(made, "tickets", "--initial")
    found = entities(made, "ticket")
    assert sorted(values["subject"] for _, values in found.values()) == ["first", "second"]
    assert len(made.cophub("quarantine", "--json").json["causes"]) == 1
    for _ in range(2):
        ran(made, "answers", "--initial")
    assert sorted(str(one["Subject"]) for one in outbox.messages()) == ["Re: first", "Re: second"]
    box.do(lambda raw: (raw.store("1", "+FLAGS", "\\Deleted"), raw.expunge()))
    box.put(mail({"message_id": "<d@x>", "subject": "third", "sender": ASKER}))
    ran(made, "tickets")
    states = {values["subject"]: state for state, values in entities(made, "ticket").values()}
    assert states == {"first": "disabled", "second": "active", "third": "active"}
    ran(made, "answers")
    assert len(outbox.messages()) == 3


def test_todos_go_out_and_a_deletion_comes_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caldav: Login
) -> None:
    theirs, ours = Place(caldav, caldav.url), Place(caldav, caldav.url)
    system = """
system: {name}
connector: caldav
url: {url}
auth: {{basic: {{username: {user}, password: secret://cal/password}}}}
resources:
  todos: {{path: {path}}}
"""
    named = {
        f"config__systems__{name}": system.format(
            name=name, url=caldav.url, user=caldav.username, path=place.path
        )
        for name, place in (("theirs", theirs), ("ours", ours))
    }
    made = desk(
        tmp_path, monkeypatch, {"CAL_PASSWORD": caldav.password}, **named, config__models__ticket=TICKET,
        mappings__tickets="""
mapping: tickets
from: theirs.todos
into: ticket
fields: {code: uid, subject: summary, asker: status}
unmatched: create
absent: {reaction: disable}
guard: off
""",
        mappings__todos="""
mapping: todos
from: ticket
into: ours.todos
key: uid
fields: {uid: code, summary: subject}
absent: {reaction: delete}
guard: off
""",
    )  # fmt: skip
    for n in range(3):
        theirs.ask("PUT", f"t{n}.ics", TODO.format(uid=f"t{n}", summary=f"n{n}"))
    ran(made, "tickets", "--initial")
    ran(made, "todos", "--initial")
    assert sorted(one["summary"] for one in ours.stored()) == ["n0", "n1", "n2"]
    theirs.ask("DELETE", "t1.ics")
    theirs.ask("PUT", "t2.ics", TODO.format(uid="t2", summary="other"))
    ran(made, "tickets")
    ran(made, "todos")
    assert {code: state for code, (state, _) in entities(made, "ticket").items()} == {
        "t0": "active", "t1": "disabled", "t2": "active",
    }  # fmt: skip
    assert sorted(one["summary"] for one in ours.stored()) == ["n0", "other"]


def test_parties_of_an_erp_come_in_and_one_goes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tryton: Login
) -> None:
    session, code = Session(tryton.url, tryton.username, tryton.password), f"X{secrets.token_hex(4)}"
    session.context = session.rpc("model.res.user.get_preferences", True, {})
    made = desk(
        tmp_path, monkeypatch, {"ERP_PASSWORD": tryton.password}, config__models__ticket=TICKET,
        config__systems__erp=f"""
system: erp
connector: jsonrpc
dialect: tryton
url: {tryton.url}
auth: {{basic: {{username: {tryton.username}, password: secret://erp/password}}}}
page_size: 20
resources:
  parties:
    model: party.party
    key: code
    cursor: last_modified_at
    domain: [[code, like, P000%]]
    fields: {{code: text, name: text, addresses: [{{city: text}}], last_modified_at: datetime}}
  categories:
    model: party.category
    key: name
    fields: {{name: text}}
""",
        mappings__tickets="""
mapping: tickets
from: erp.parties
into: ticket
fields: {code: code, subject: name, asker: "addresses[1].city"}
unmatched: create
guard: off
""",
        mappings__categories=f"""
mapping: categories
from: ticket
into: erp.categories
where: code = 'P0003'
key: name
fields: {{name: "'{code} ' || subject"}}
guard: off
""",
    )  # fmt: skip
    ran(made, "tickets", "--initial")
    found = entities(made, "ticket")
    assert (len(found), found["P0001"][1]["asker"]) == (10, "Shanghai")
    for _ in range(2):
        ran(made, "categories", "--initial")
    ids = session.call("party.category", "search", [["name", "like", f"{code}%"]], 0, None, None)
    assert len(ids) == 1
    session.call("party.category", "delete", ids)
