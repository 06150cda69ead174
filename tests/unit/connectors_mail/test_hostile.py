"""Mail of strangers, and servers that answer what was not asked: bounded, named, and never a hang."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.mail import SPEC
from connectors.mail.folder import ranges
from connectors.mail.message import charset, record
from hub.contract import Change, Context, Query
from hub.errors import HubError
from tests.faults.matrix import row

HEAD = b"Message-ID: <m@x>\r\nSubject: =?utf-8?B?5a6J?=\r\nFrom: Ann <ann@example.com>\r\n"
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
PIECES = [
    HEAD, b"\r\n\r\n", b"Content-Type: multipart/mixed; boundary=b\r\n", b"--b\r\n", b"--b--\r\n", b"\0", b"\xff\xfe",
    b"Content-Type: text/plain; charset=idna\r\n", b"Content-Transfer-Encoding: base64\r\n", b"=?x?q?=", b"?=",
    b'"', b"(((", b"To: <<,;\r\n",
    b"Content-Type: message/rfc822\r\n", b"Content-Disposition: attachment; filename*=utf-8''%ff%00\r\n",
    b"Content-Transfer-Encoding: uuencode\r\nbegin 644 x\r\n", b"Date: Mon, 99 Foo 99999 99:99:99 +9999\r\n",
]  # fmt: skip


@row(28, "mail of strangers: broken encodings, headers and parts")
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=40)), max_size=25))
def test_no_bytes_make_a_read_fail(pieces: list[bytes]) -> None:
    found = record(b"".join(pieces), {"x": "X-X"}, content=True)
    assert "problem" in found
    assert "\0" not in str(found)


@row(30, "mail beyond its bounds: headers, nesting, parts, texts")
@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (HEAD + b"X: y\r\n" * 3000 + b"\r\n", "headers"),
        (HEAD + b"X: " + b"y" * (300 << 10), "headers"),
        (HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 100, "nested"),
        (HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 1000, "parts"),
        (HEAD + b"\r\n" + b"z" * (2 << 20), "text"),
        (MIXED + b'--b\r\nContent-Type: text/plain; a="' + b";" * (4 << 20) + b"\r\n\r\nhi\r\n--b--\r\n", "headers"),
        (MIXED + b"--b\r\n" * 500_000, "parts"),
    ],
)
def test_what_goes_beyond_a_bound_keeps_its_identity(raw: bytes, words: str) -> None:
    found = record(raw, {}, content=False)
    assert words in found["problem"]
    assert found["message_id"] == "<m@x>"


def test_long_headers_are_cut_and_many_addresses_too() -> None:
    raw = HEAD + b"To: " + b", ".join(b"u%d@x.org" % n for n in range(3000)) + b"\r\n\r\n"
    found = record(raw, {}, content=False)
    assert (found["problem"], found["subject"], len(found["to"])) == (None, "安", 500)


@pytest.mark.parametrize(
    "name", ["zlib", "hex", "rot13", "idna", "punycode", "unicode_escape", "undefined", "\0", "x" * 99]
)
def test_what_is_no_character_set_is_none(name: str) -> None:
    assert charset(name) == "utf-8"


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.sets(st.integers(1, 300)))
def test_ranges_hold_exactly_the_numbers(numbers: set[int]) -> None:
    text = ranges(sorted(numbers))
    spans = [piece.partition(":") for piece in text.split(",") if piece]
    assert {one for first, _, last in spans for one in range(int(first), int(last or first) + 1)} == numbers


# ---------------------------------------------------------------------- servers

Say = Callable[[bytes, bytes], bytes | None]
GREETING = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n"


@contextmanager
def server(greeting: bytes, say: Say) -> Iterator[int]:
    """One connection after the other; ``say`` answers tag and line, None hangs up, and b"" says nothing more."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while not stop.is_set():
                try:
                    made, _ = listening.accept()
                except OSError:
                    return
                with made, made.makefile("rb") as lines:
                    made.sendall(greeting)
                    for line in lines:
                        tag, _, rest = line.partition(b" ")
                        said = say(tag, rest)
                        if said is None:
                            break
                        try:
                            made.sendall(said)
                        except OSError:
                            break

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            stop.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def imap(command: bytes, answer: bytes | None) -> Say:
    """A sound server but for one command."""

    def say(tag: bytes, line: bytes) -> bytes | None:
        verb = line.split()[0].upper() if line.split() else b""
        if command in line.upper():
            return None if answer is None else answer.replace(b"TAG", tag)
        if verb == b"AUTHENTICATE":
            return b"+ \r\n"
        if b" " not in line and verb not in (b"CAPABILITY", b"LOGOUT", b"NOOP"):
            return b"AAAA1 OK in\r\n" if not tag.startswith(b"A") else b""
        more = {
            b"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n", b"LOGIN": b"",
            b"EXAMINE": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 2] x\r\n", b"UID": b"* SEARCH 1\r\n",
        }.get(verb, b"")  # fmt: skip
        return more + tag + b" OK done\r\n"

    return say


def opened(resource: dict[str, Any], **settings: Any) -> Any:
    given = {"starttls": False, "username": "u", "password": "s3cret-pa55", "limits": {"timeout": "500ms"}}
    made = SPEC.settings.model_validate(given | settings)
    return SPEC.open(Context(f"hostile {settings}"), made, {"mail": SPEC.resource.model_validate(resource)})


PLAIN = b"* OK ready\r\n"


@row(39, "a mail server that says nothing more")
@pytest.mark.parametrize(
    ("greeting", "command", "answer", "code"),
    [
        (PLAIN, b"SEARCH", b"* SEARCH x y\r\n* 1 FETCH (UID 1 BODY[] {99999999999}\r\n", "mail.answer"),
        (PLAIN, b"SEARCH", b"", "mail.cut"),
        (PLAIN, b"SEARCH", None, "mail.cut"),
        (PLAIN, b"SEARCH", b"TAG BAD what?\r\n", "mail.answer"),
        (PLAIN, b"SEARCH", b"TAG NO [s3cret-pa55]\r\n", "mail.search"),
        (PLAIN, b"SEARCH", b"TAG OK and no word of the search\r\n", "mail.answer"),
        (PLAIN, b"EXAMINE", b"TAG NO none such\r\n", "mail.folder"),
        (PLAIN, b"EXAMINE", b"TAG OK but no validity\r\n", "mail.answer"),
        (PLAIN, b"LOGIN", b"TAG NO [UNAVAILABLE] later\r\n", "mail.later"),
        (PLAIN, b"LOGIN", b"TAG NO [AUTHENTICATIONFAILED] no\r\n", "auth.refused"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"-", b"", "mail.unreachable"),
        (b"* BYE too many\r\n", b"-", b"", "mail.unreachable"),
    ],
)  # fmt: skip
def test_imap_servers_that_misbehave_are_errors_in_time(
    greeting: bytes, command: bytes, answer: bytes | None, code: str
) -> None:
    with server(greeting, imap(command, answer)) as port:
        connector = opened({}, imap=f"imap://127.0.0.1:{port}")
        with pytest.raises(HubError) as refused:
            list(connector.read(Query(connector.resource("mail"))))
        connector.close()
    assert (refused.value.code, "s3cret" in str(refused.value)) == (code, False)


def holding(found: list[bytes], bodies: dict[int, bytes]) -> Say:
    """A folder of three messages; ``found`` is what a search finds, ``bodies`` what FETCH says of each."""
    sound = imap(b"-----", None)

    def say(tag: bytes, line: bytes) -> bytes | None:
        done = tag + b" OK done\r\n"
        if b"SEARCH" in line:
            return b"* SEARCH " + found[0] + b"\r\n" + done
        if b"RFC822.SIZE" in line:
            sizes = (b"* %d FETCH (UID %d RFC822.SIZE 9 FLAGS ())\r\n" % (n, n) for n in (1, 2, 3))
            return b"".join(sizes) + done
        if b"BODY.PEEK" in line:
            return b"".join(bodies.values()) + done
        if b"EXAMINE" in line:
            return b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 4] x\r\n" + done
        return sound(tag, line)

    return say


BODIES = {
    n: b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n" % (n, n, len(HEAD + b"\r\nx"), HEAD + b"\r\nx") for n in (1, 2, 3)
}


def numbers(connector: Any, token: str | None = None) -> tuple[dict[int, str], str, tuple[str, ...]]:
    """UID → problem of what a read gives, its token, and what it tells to be gone."""
    pages = list(connector.read(Query(connector.resource("mail"), token=token)))
    rows = [json.loads(line) for page in pages for line in page.records.splitlines()]
    return {row["uid"]: row["problem"] or "" for row in rows}, pages[-1].token, pages[-1].deleted


def test_a_message_without_text_is_a_record_and_one_without_answer_comes_later() -> None:
    bodies = {1: b"* 1 FETCH (UID 1 BODY[] NIL)\r\n", 2: b"* 2 FETCH (BODY[] {0}\r\n UID 2)\r\n"}
    with server(PLAIN, holding([b"1 2 3"], bodies)) as port:
        connector = opened({}, imap=f"imap://127.0.0.1:{port}")
        read, token, _ = numbers(connector)
        assert read == dict.fromkeys((1, 2), "the server gives no text of it")
        bodies |= {3: BODIES[3]}
        assert numbers(connector, token)[0] == {3: ""}
        connector.close()


def test_what_a_search_does_not_find_any_more_is_not_gone() -> None:
    found = [b"1 2 3"]
    with server(PLAIN, holding(found, BODIES)) as port:
        connector = opened({"search": "UNSEEN"}, imap=f"imap://127.0.0.1:{port}")
        described = connector.resource("mail")
        assert (described.messages, described.deletes) == (True, False)
        _, token, _ = numbers(connector)
        found[0] = b"1 3"  # somebody has read the second one
        read, token, gone = numbers(connector, token)
        assert (read, gone) == ({}, ())
        found[0] = b"1 2 3"  # and marked it as unread again
        assert numbers(connector, token)[0] == {2: ""}
        connector.close()


@row(39, "a mail server that greets one byte at a time")
@pytest.mark.parametrize("scheme", ["imap", "smtp"])
def test_a_greeting_that_drips_ends_by_the_deadline(scheme: str) -> None:
    """Each byte comes within the timeout; together they would take an hour."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            made, _ = listening.accept()
            with made, suppress(OSError):
                while not stop.wait(0.1):
                    made.sendall(b"2" if scheme == "smtp" else b"*")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        place = f"{scheme}://127.0.0.1:{listening.getsockname()[1]}"
        settings = {"smtp": place} if scheme == "smtp" else {"imap": place}
        connector = opened({"send": {"sender": "hub@example.com"}} if scheme == "smtp" else {}, **settings)
        described = connector.resource("mail")
        change = Change("create", {"number": "1"}, {"to": "a@example.com", "subject": "s", "text": "t"}, id="1")
        with pytest.raises(HubError) as refused:
            list(connector.read(Query(described)) if scheme == "imap" else connector.deliver(described, [change]))
        assert refused.value.code == "mail.unreachable"
        connector.close()
        stop.set()
        thread.join(5)


@pytest.mark.parametrize(
    ("command", "answer", "status", "code"),
    [
        (b"MAIL", b"", "retry", "mail.cut"),
        (b"RCPT", None, "retry", "mail.cut"),
        (b"DATA", b"451 later\r\n", "retry", "smtp.451"),
        (b"RCPT", b"550 s3cret-pa55 unknown\r\n", "rejected", "smtp.550"),
        (b".\r\n", None, "unknown", "mail.lost"),
        (b".\r\n", b"", "unknown", "mail.lost"),
    ],
)
def test_smtp_servers_that_misbehave_are_outcomes_in_time(
    command: bytes, answer: bytes | None, status: str, code: str
) -> None:
    inside = [False]

    def say(tag: bytes, rest: bytes) -> bytes | None:
        line = (tag + b" " + rest if rest else tag).upper()
        if inside[0] and line != b".\r\n":
            return b""
        if line.startswith(command):
            inside[0] = False
            return answer
        inside[0] = line.startswith(b"DATA")
        return b"354 go\r\n" if inside[0] else b"250 fine\r\n"

    with server(b"220 ready\r\n", say) as port:
        connector = opened(
            {"send": {"sender": "hub@example.com"}, "key": "number"}, smtp=f"smtp://127.0.0.1:{port}", username=None,
            password=None,
        )  # fmt: skip
        values = {"number": "1", "to": "bob@example.com", "text": "x"}
        (outcome,) = connector.deliver(
            connector.resource("mail"), [Change("create", {"number": "1"}, values, id="i")]
        )
        connector.close()
    assert (outcome.status, outcome.code) == (status, code)
