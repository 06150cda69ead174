"""Mail at real servers: messages of Dovecot's folders, and messages handed to aiosmtpd."""

from __future__ import annotations

import base64
import imaplib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from connectors.mail import SPEC
from hub.contract import Change, Context, Page, Query
from hub.errors import AuthError, ConfigError, Fatal, HubError
from hub.testing import Case, failures, run_contract
from hub.testing.reading import READING
from hub.testing.writing import BATCH, SINGLE, WHOLE, exempting
from tests.conftest import Login, variables
from tests.faults.matrix import row
from tests.unit.http.fake import free_port, lines

WRONG = "wr0ng-password-of-nobody"
NOTICES = {"send": {"sender": "Hub <hub@example.com>", "headers": {"number": "X-Number"}}, "key": "number"}
CURSOR = dict.fromkeys(
    ("cursor_order", "cursor_ties", "since_inclusive", "change_seen"),
    "reads go on from a token, not a cursor",
)


class Box:
    """A user's mailbox, filled behind the connector's back."""

    def __init__(self, login: Login) -> None:
        self.login, self.user = login, f"u{secrets.token_hex(6)}"

    def do(self, act: Callable[[imaplib.IMAP4], Any]) -> Any:
        url = urlsplit(self.login.url)
        with imaplib.IMAP4(url.hostname or "", url.port or 0, timeout=30) as raw:
            raw.login(self.user, self.login.password)
            raw.select()
            return act(raw)

    def put(self, *messages: bytes) -> None:
        self.do(lambda raw: [raw.append("INBOX", None, None, one) for one in messages])


def mail(values: Mapping[str, Any]) -> bytes:
    made = EmailMessage()
    made["Message-ID"], made["Subject"], made["From"] = (
        values["message_id"],
        values["subject"],
        f"Ann <{values.get('sender', 'ann@example.com')}>",
    )
    made["Date"] = "Mon, 05 Jan 2026 10:00:00 +0100"
    made.set_content(values.get("text") or "")
    return made.as_bytes()


@pytest.fixture
def opened(imap: Login) -> Iterator[Callable[..., Any]]:
    with ExitStack() as stack:

        def made(box: Box | None, password: str | None = None, smtp: Login | None = None, **more: Any) -> Any:
            settings: dict[str, Any] = {
                "starttls": False,
                "page_size": 9,
                "limits": {"retries": 0, "timeout": "20s"},
            }
            if box is not None:
                settings |= {"imap": imap.url, "username": box.user, "password": password or imap.password}
            if smtp is not None:
                settings |= {
                    "smtp": smtp.url,
                    "username": smtp.username,
                    "password": password or smtp.password,
                }
            resource = SPEC.resource.model_validate(more.pop("resource", {}))
            connector = SPEC.open(
                Context(f"mail {box.user if box else ''}"),
                SPEC.settings.model_validate(settings | more),
                {"mail": resource},
            )
            stack.callback(connector.close)
            return connector

        yield made


@pytest.fixture
def box(imap: Login) -> Box:
    return Box(imap)


def read(connector: Any, token: str | None = None) -> tuple[list[Any], Page]:
    pages = list(connector.read(Query(connector.resource("mail"), token=token)))
    return lines(pages), pages[-1]


# ---------------------------------------------------------------------- reading


@pytest.mark.against("mail", "Dovecot", "real")
def test_dovecot_keeps_the_contract_of_reading(imap: Login, opened: Callable[..., Any]) -> None:
    def fresh(records: Sequence[Mapping[str, Any]]) -> Box:
        made = Box(imap)
        made.put(*(mail(one) for one in records))
        return made

    case = Case(
        name="mail", fresh=fresh, resource="mail", key=("message_id",),
        open=lambda box: opened(box, resource={"key": "message_id"}),
        record=lambda n: {"message_id": f"<m{n}@example.com>", "subject": f"Name {n}", "text": f"T{n}\n"},
        exact={"subject": 'O\'Neil "安" 😀 \\', "text": "über 安 😀\n.\n\nend\n"},
        locked_out=lambda box: opened(box, WRONG, resource={"key": "message_id"}), secrets=(imap.password, WRONG),
        exempt={
            **CURSOR, **exempting("a folder is read", SINGLE), **exempting("a folder is read", WHOLE),
            "deletes_seen": "a test of its own: the key is the server's",
            "rate_limit_honoured": "Dovecot asks nobody to wait",
        },
    )  # fmt: skip
    assert failures(run_contract(case)) == []


def test_new_changed_and_expunged_messages_come_by_token(box: Box, opened: Callable[..., Any]) -> None:
    box.put(*(mail({"message_id": f"<m{n}@x>", "subject": f"s{n}"}) for n in range(12)))
    connector = opened(box)
    rows, last = read(connector)
    assert ([row["subject"] for row in rows], last.announced) == ([f"s{n}" for n in range(12)], 12)
    assert read(connector, last.token)[0] == []

    def change(raw: imaplib.IMAP4) -> None:
        raw.store("3", "+FLAGS", "\\Seen")
        raw.store("5,9", "+FLAGS", "\\Deleted")
        raw.expunge()
        raw.append("INBOX", None, None, mail({"message_id": "<new@x>", "subject": "new"}))

    box.do(change)
    now, last = read(opened(box), last.token)
    assert [(row["subject"], row["seen"]) for row in now] == [("s2", True), ("new", False)]
    assert sorted(last.deleted) == sorted([rows[4]["id"], rows[8]["id"]])


def test_a_folder_made_anew_is_read_anew(box: Box, opened: Callable[..., Any]) -> None:
    resource = {"folder": "Aufträge & Co"}
    name = '"Auftr&AOQ-ge &- Co"'
    box.do(lambda raw: raw.create(name))
    token = read(opened(box, resource=resource))[1].token
    box.do(lambda raw: (raw.delete(name), raw.create(name)))
    for one in (token, "rubbish"):
        with pytest.raises(Fatal) as refused:
            read(opened(box, resource=resource), one)
        assert refused.value.code == "token.expired"
    with pytest.raises(ConfigError) as missing:
        read(opened(box, resource={"folder": "no such"}))
    assert missing.value.code == "mail.folder"


def test_hostile_messages_are_set_aside_and_the_others_come(box: Box, opened: Callable[..., Any]) -> None:
    sound = mail({"message_id": "<sound@x>", "subject": "sound"})
    nested = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(200)
    )
    box.put(
        b"Message-ID: <long@x>\r\n"
        + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 400) for n in range(1500))
        + b"\r\nbody",
        b"Message-ID: <nested@x>\r\n" + nested,
        b"Message-ID: <parts@x>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"--b\r\n\r\nx\r\n" * 2000,
        b"Message-ID: <big@x>\r\n\r\n" + b"z" * (2 << 20),
        b"Message-ID: <odd@x>\r\nSubject: =?x-none?B?!!!?= \xff\xfe =?utf-8?Q?=C3?=\r\nContent-Type: text/plain;"
        b" charset=zlib\r\nContent-Transfer-Encoding: base64\r\nDate: yesterday\r\nFrom: <<>>,,;\r\n\r\n\x01\xff=",
        sound,
    )
    rows, _ = read(opened(box, max_message="1MB"))
    known = {row.get("message_id"): row["problem"] for row in rows}
    assert (len(rows), known["<sound@x>"], known["<odd@x>"]) == (6, None, None)
    assert "headers" in known["<long@x>"]
    assert "nested" in known["<nested@x>"]
    assert "parts" in known["<parts@x>"]
    assert "max_message" in known["<big@x>"]


def test_attachments_come_by_hash_and_where_wanted_with_content(box: Box, opened: Callable[..., Any]) -> None:
    made = EmailMessage()
    made["Subject"], made["X-Order"] = "order", "4711"
    made.set_content("text")
    made.add_alternative("<p>text</p>", subtype="html")
    made.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="../../合同.pdf")
    box.put(made.as_bytes())
    resource = {"attachments": "content", "headers": {"order": "X-Order"}}
    (row,) = read(opened(box, resource=resource))[0]
    (one,) = row["attachments"]
    assert (row["text"], row["html"], row["order"]) == ("text\n", "<p>text</p>\n", "4711")
    assert (one["name"], one["size"], base64.b64decode(one["content"])) == ("合同.pdf", 4, b"%PDF")


@row(38, "mail servers, from the start and by STARTTLS")
def test_connections_are_encrypted_and_the_server_is_known(
    box: Box, imap: Login, opened: Callable[..., Any]
) -> None:
    tls = {"imap": variables("IMAP")["HUB_TEST_IMAP_TLS"]}
    for how in (tls, {"starttls": True}):
        assert read(opened(box, tls={"ca": imap.ca}, **how))[0] == []
        with pytest.raises(HubError) as refused:
            read(opened(box, **how))
        assert refused.value.code == "mail.tls"
    with pytest.raises(HubError) as gone:
        read(opened(box, imap=f"imap://127.0.0.1:{free_port()}"))
    assert gone.value.code == "mail.unreachable"


# ---------------------------------------------------------------------- sending


class Outbox:
    """What the server took since now for one domain; other tests send at the same time to others."""

    def __init__(self, smtp: Login, domain: str = "example.com") -> None:
        self.folder, self.domain = Path(smtp.database), domain
        self.before = set(self.folder.iterdir())

    def messages(self) -> list[Any]:
        new = [path for path in set(self.folder.iterdir()) - self.before if path.name.isdigit()]
        texts = [path.read_bytes() for path in sorted(new, key=lambda path: int(path.name))]
        found = [message_from_bytes(text, policy=default) for text in texts]
        return [one for one in found if str(one["X-Envelope-To"]).endswith(f"@{self.domain}")]

    def stored(self) -> list[dict[str, Any]]:
        return [
            {
                "number": str(one["X-Number"]), "subject": str(one["Subject"]), "to": [str(one["To"])],
                "text": one.get_content().replace("\r\n", "\n"),
            }
            for one in self.messages()
        ]  # fmt: skip


def note(number: int, **more: Any) -> Change:
    values = {"number": str(number), "to": ["bob@example.com"], "subject": "s", "text": "t", **more}
    return Change("create", {"number": str(number)}, values, id=f"intent-{number}")


@pytest.mark.against("mail", "aiosmtpd", "real")
def test_aiosmtpd_keeps_the_contract_of_writing(smtp: Login, opened: Callable[..., Any]) -> None:
    why = "what is sent cannot be asked for, changed or taken back"
    case = Case(
        name="mail", fresh=lambda records: Outbox(smtp), resource="mail", key=("number",),
        open=lambda box: opened(None, smtp=smtp, resource=NOTICES),
        record=lambda n: {"number": f"N{n}", "subject": f"Name {n}", "to": ["bob@example.com"], "text": f"T{n}\n"},
        exact={"subject": 'O\'Neil "安" 😀 \\', "text": "über 安\n.\n..\n\nend\n"}, stored=lambda box: box.stored(),
        refused={"to": ["nobody@example.com"]}, locked_out=lambda box: opened(None, WRONG, smtp, resource=NOTICES),
        secrets=(smtp.password, WRONG),
        exempt={
            **exempting("a resource that is sent is not read", tuple(probe for _, probe in READING)),
            **exempting("each message is one of its own", BATCH), **exempting("messages are sent one by one", WHOLE),
            **dict.fromkeys(
                ("update_stands", "delete_stands", "find_by_key", "update_of_missing", "stale_version",
                 "create_idempotent", "lost_answer"), why,
            ),
            **dict.fromkeys(("wrong_credentials", "close_twice", "no_secret_shown"), "nothing is read"),
            "rate_limit_honoured": "a test of its own",
        },
    )  # fmt: skip
    assert failures(run_contract(case)) == []


def test_answers_of_the_server_become_outcomes(smtp: Login, opened: Callable[..., Any]) -> None:
    outbox, connector = Outbox(smtp), opened(None, smtp=smtp, resource=NOTICES)
    resource = connector.resource("mail")

    def outcome(change: Change) -> tuple[str, str]:
        (found,) = connector.deliver(resource, [change])
        return found.status, found.code

    assert outcome(note(1, to="nobody@example.com, bob@example.com")) == ("rejected", "smtp.550")
    assert outcome(note(2, to=["full@example.com"])) == ("retry", "smtp.452")
    assert outcome(note(3, to=["slow@example.com"])) == ("retry", "smtp.421")
    assert outcome(note(4, subject="SPAM")) == ("rejected", "smtp.554")
    assert outcome(note(5, to="no address")) == ("rejected", "mail.recipient")
    assert outcome(note(6, to=[])) == ("rejected", "mail.recipient")
    assert outcome(note(7, subject="a\r\nBcc: eve@example.com")) == ("rejected", "mail.header")
    assert outcome(note(8, strange=1)) == ("rejected", "field.unknown")
    assert outcome(note(9, text="x" * (6 << 20))) == ("rejected", "mail.too_large")
    assert outcome(note(10, text="x\n" * (600 << 10))) == ("rejected", "smtp.552")
    assert outbox.messages() == []
    assert outcome(note(11, bcc=["eve@example.com"])) == ("done", "")
    (sent,) = outbox.messages()
    assert (str(sent["X-Envelope-To"]), sent["Bcc"]) == ("bob@example.com, eve@example.com", None)


@row(14, "a message whose answer is lost goes again with the same id")
def test_a_message_whose_answer_is_lost_goes_again_with_the_same_id(
    smtp: Login, opened: Callable[..., Any]
) -> None:
    outbox = Outbox(smtp)
    for _ in range(2):  # another process, later
        connector = opened(None, smtp=smtp, resource=NOTICES)
        resource = connector.resource("mail")
        lost, after = connector.deliver(resource, [note(1, subject="HANG UP"), note(2)])
        assert (lost.status, lost.code, after.status) == ("unknown", "mail.lost", "done")
        assert resource.messages  # nobody is asked: it goes again
        connector.close()
    ids = [str(one["Message-ID"]) for one in outbox.messages()]
    assert ids == [ids[0], ids[1], ids[0], ids[1]]
    waiting = opened(None, smtp=smtp, resource=NOTICES | {"send": NOTICES["send"] | {"doubtful": "wait"}})  # type: ignore[operator]
    assert not waiting.resource("mail").messages
    with pytest.raises(ConfigError) as refused:
        waiting.find(waiting.resource("mail"), [{"number": "1"}])
    assert refused.value.code == "write.find"


@pytest.mark.parametrize(
    ("updates", "status", "sent"), [("refuse", "rejected", 0), ("skip", "done", 0), ("send", "done", 1)]
)
def test_a_changed_record_does_what_is_declared(
    smtp: Login, opened: Callable[..., Any], updates: str, status: str, sent: int
) -> None:
    outbox = Outbox(smtp)
    connector = opened(None, smtp=smtp, resource=NOTICES | {"send": NOTICES["send"] | {"updates": updates}})  # type: ignore[operator]
    change = note(1)
    changes = [Change("update", change.key, change.values, id="u"), Change("delete", change.key, id="d")]
    outcomes = connector.deliver(connector.resource("mail"), changes)
    assert ([one.status for one in outcomes], len(outbox.messages())) == ([status, status], sent)


def test_a_wrong_password_is_tried_once(smtp: Login, opened: Callable[..., Any]) -> None:
    first, second = (opened(None, WRONG, smtp, resource=NOTICES) for _ in range(2))
    for connector, words in ((first, "refused"), (second, "a moment ago")):
        with pytest.raises(AuthError, match=words):
            connector.deliver(connector.resource("mail"), [note(1)])


def test_a_resource_is_read_or_sent(box: Box, smtp: Login, opened: Callable[..., Any]) -> None:
    sent, folder = opened(None, smtp=smtp, resource=NOTICES), opened(box)
    with pytest.raises(ConfigError):
        read(sent)
    with pytest.raises(ConfigError):
        folder.deliver(folder.resource("mail"), [note(1)])


def test_a_check_names_the_step_that_fails(
    box: Box, imap: Login, smtp: Login, opened: Callable[..., Any]
) -> None:
    def probes(connector: Any) -> dict[str, str]:
        return {one.name: one.status for one in connector.check()}

    sound = probes(opened(box, starttls=True, tls={"ca": imap.ca}, resource={"folder": "INBOX"}))
    assert sound == {
        "dns imap": "ok", "tcp imap": "ok", "proxy imap": "skipped", "tls imap": "ok", "authentication imap": "ok",
        "read mail": "ok",
    }  # fmt: skip
    plain = probes(opened(None, smtp=smtp, resource=NOTICES))
    assert (plain["tls smtp"], plain["authentication smtp"], plain["write mail"]) == ("skipped", "ok", "ok")
    none = probes(opened(None, smtp=smtp, starttls=True, resource=NOTICES))
    assert (none["tls smtp"], none["write mail"]) == ("failed", "skipped")
    strange = probes(opened(box, starttls=True))
    assert (strange["tls imap"], strange["authentication imap"]) == ("failed", "skipped")
