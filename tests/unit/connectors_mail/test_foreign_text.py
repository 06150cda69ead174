"""Values of others in messages that are sent: they are shown as they are, and never become headers or a body."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.mail import SPEC
from connectors.mail.account import Account
from connectors.mail.declared import MailResource, MailSettings, Send
from connectors.mail.sending import Sender
from hub.contract import Change, Context
from hub.errors import RecordRejected
from tests.faults.matrix import row

EVIL = "=?utf-8?q?x=0AReply-To:_evil@evil.example=0AContent-Type:_text/html=0A=0A<b>x</b>?="
HEADERS = {
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
}


@pytest.fixture(scope="module")
def sender() -> Iterator[Sender]:
    send = Send.model_validate({"sender": "Hub <hub@example.com>", "headers": {"ticket": "X-Ticket"}})
    given = MailSettings.model_validate({"smtp": "smtp://127.0.0.1:1"})
    account = Account(Context("foreign"), given)
    yield Sender(account, "mail", MailResource(send=send, key=["number"]), send)
    account.close()


def sent(sender: Sender, **values: Any) -> Message:
    change = Change("create", {"number": "1"}, {"to": "a@x.com", "text": "honest", **values}, id="i")
    return message_from_bytes(sender.message(change)[2])


def shown(message: Message, name: str) -> str:
    return str(make_header(decode_header(str(message[name]))))


@row(28, "encoded words of others in messages that are sent")
@pytest.mark.parametrize(
    ("field", "header"), [("subject", "Subject"), ("ticket", "X-Ticket"), ("in_reply_to", "In-Reply-To")]
)
def test_an_encoded_word_of_others_is_shown_as_it_is(sender: Sender, field: str, header: str) -> None:
    made = sent(sender, **{field: EVIL})
    assert set(made.keys()) - {header} <= HEADERS
    assert (shown(made, header), made["Reply-To"], made.get_content_type()) == (EVIL, None, "text/plain")
    assert made.get_payload().strip() == "honest"  # type: ignore[union-attr]


@pytest.mark.parametrize("field", ["to", "cc", "reply_to"])
def test_names_of_others_are_shown_as_they_are(sender: Sender, field: str) -> None:
    word = "=?utf-8?q?=0ABcc=3Ae=40f.g?="
    made = sent(sender, **{field: [f"{word} <b@x.com>", ".__ <c@x.com>", "Müller <d@x.com>"]})
    header = {"reply_to": "Reply-To"}.get(field, field.title())
    assert [one for one in ("<b@x.com>", "<c@x.com>", "<d@x.com>") if one not in made[header]] == []
    assert word not in made[header]
    assert word in shown(made, header)
    assert made["Bcc"] is None


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"to": ["a@x.com, b@evil.com"]}, "mail.recipient"),
        ({"to": ["=?utf-8?q?a?=@x.com"]}, "mail.recipient"),
        ({"reply_to": "not an address,,,<"}, "mail.recipient"),
        ({"subject": "a\u2028b"}, "mail.header"),
        ({"subject": "\ud800"}, "mail.header"),
        ({"attachments": [{"name": EVIL, "content": ""}]}, "mail.header"),
        ({"text": "\ud800"}, "mail.message"),
    ],
)
def test_values_that_make_no_message_are_refused(sender: Sender, values: dict[str, Any], code: str) -> None:
    with pytest.raises(RecordRejected) as refused:
        sent(sender, **values)
    assert refused.value.code == code


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(
    st.sampled_from(["subject", "ticket", "in_reply_to", "reply_to", "to"]),
    st.text('a ü,;:<>@"()[]\\=?.\t_-中\r\n', max_size=90)
    | st.sampled_from(["x" * 2000, "ü" * 900, "a  b", " a "]),
)
def test_any_text_is_a_message_or_refused(sender: Sender, field: str, text: str) -> None:
    value = [f"{text} <a@x.com>"] if field == "to" else text
    change = Change("create", {"number": "1"}, {"to": "a@x.com", field: value}, id="i")
    try:
        _, recipients, body = sender.message(change)
    except RecordRejected:
        return
    made = message_from_bytes(body)
    assert set(made.keys()) <= HEADERS | {"X-Ticket", "In-Reply-To", "Reply-To"}
    assert recipients == ["a@x.com"]
    assert max(len(line) for line in body.split(b"\r\n")) <= 998
    if field == "subject":
        assert shown(made, "Subject") == text


def test_headers_that_follow_from_the_content_are_not_declared() -> None:
    with pytest.raises(ValidationError, match="follows from text"):
        SPEC.resource.model_validate(
            {"send": {"sender": "a@x.com", "headers": {"kind": "Content-Type"}}, "key": "number"}
        )
