"""Sending records as messages (RFC 5321, 5322): one message each, to all of its recipients or to none.

A message's id follows from the change it is sent for. So where the last answer of a server is lost and the message
goes again, whoever drops messages by their id, as many servers and clients do, has it once.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import smtplib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Any

from connectors.mail.account import Account
from connectors.mail.declared import MailResource, Send
from connectors.mail.head import addresses, one_line, people_line, text_line, whole
from hub.contract import Change, Found, Outcome, key_text
from hub.errors import AuthError, ConfigError, RecordRejected
from hub.http.outcomes import each

RECIPIENTS = ("to", "cc", "bcc")
TEXTS = ("subject", "text", "html", "reply_to", "in_reply_to")
FIELDS = (*RECIPIENTS, *TEXTS, "attachments")
MOST = 500
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
NOT_SENT = frozenset({
    "auth.refused", "mail.unreachable", "mail.later", "mail.tls", "mail.tls_file", "mail.starttls", "mail.login",
    "mail.smtp", "http.paused",
})  # fmt: skip


class Sender:
    """Sends the records of one resource."""

    def __init__(self, account: Account, name: str, declared: MailResource, send: Send) -> None:
        self._account, self._name, self._declared, self._rules = account, name, declared, send
        self._domain = parseaddr(send.sender)[1].rpartition("@")[2]

    def deliver(self, changes: Sequence[Change]) -> list[Outcome]:
        return each(changes, self._send, NOT_SENT)

    def find(self, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
        """ConfigError ``write.find``, always."""
        raise ConfigError(
            "write.find", "no server tells whether a message was sent", where=self._name,
            hint="doubtful: again sends it once more with the same Message-ID",
        )  # fmt: skip

    def _send(self, change: Change) -> Outcome:
        if change.operation == "delete" or (change.operation == "update" and self._rules.updates != "send"):
            if self._rules.updates == "refuse":
                return Outcome(
                    "rejected", change.foreign_id, None, "mail.sent", "a message that is sent stays as it is"
                )
            return Outcome("done", change.foreign_id)
        identity, recipients, body = self.message(change)
        if len(body) > self._account.settings.max_message:
            raise RecordRejected(
                "mail.too_large", f"the message has {len(body)} bytes, more than max_message"
            )
        with self._account.pace.turn():
            smtp = self._account.smtp()
            with self._account.deadline(lambda: smtp.sock):
                return self._handed(smtp, identity, recipients, body)

    # ------------------------------------------------------------------ SMTP

    def _handed(self, smtp: smtplib.SMTP, identity: str, recipients: Sequence[str], body: bytes) -> Outcome:
        """One transaction. Until the last line of the message nothing has an effect."""
        try:
            refused = self._announced(smtp, recipients, len(body))
            if refused is None:
                refused = self._judged(*smtp.docmd("DATA"), "DATA", good=(354,))
            if refused is not None:
                self._reset(smtp, refused)
                return refused
        except (smtplib.SMTPException, OSError) as error:
            self._account.drop()
            said = f"the connection ended before the message: {self._account.shown(str(error))}"
            return Outcome("retry", None, None, "mail.cut", said)
        try:
            smtp.send(_quoted(body))
            code, said_ = smtp.getreply()
        except (smtplib.SMTPException, OSError) as error:
            self._account.drop()
            said = f"the answer to the message was lost: {self._account.shown(str(error))}"
            return Outcome("unknown", identity, None, "mail.lost", said)
        refused = self._judged(code, said_, "the message", good=(250,))
        if refused is not None:
            self._reset(smtp, refused)
            return refused
        return Outcome("done", identity)

    def _announced(self, smtp: smtplib.SMTP, recipients: Sequence[str], size: int) -> Outcome | None:
        sender = parseaddr(self._rules.sender)[1]
        options = [f"SIZE={size}"] if smtp.has_extn("size") else []
        if not all(one.isascii() for one in (sender, *recipients)):
            if not smtp.has_extn("smtputf8"):
                raise RecordRejected("mail.recipient", "the server takes only addresses in ASCII", where="to")
            options += ["SMTPUTF8", "BODY=8BITMIME"]
        refused = self._judged(*smtp.mail(sender, options), "the sender", good=(250,))
        for one in recipients:
            refused = refused or self._judged(*smtp.rcpt(one), one, good=(250, 251))
        return refused

    def _judged(self, code: int, said: bytes, what: str, *, good: tuple[int, ...]) -> Outcome | None:
        if code in good:
            return None
        text = f"{what}: {code} {self._account.shown(said.decode('utf-8', 'replace'))}"
        if code < 0:
            raise smtplib.SMTPServerDisconnected("no answer")
        if code in (530, 534, 535, 538):
            raise AuthError("auth.refused", text, hint="check username: and password:")
        return Outcome("retry" if 400 <= code < 500 else "rejected", None, None, f"smtp.{code}", text)

    def _reset(self, smtp: smtplib.SMTP, refused: Outcome) -> None:
        """Ready for the next message; 421 says that the server goes."""
        try:
            if refused.code == "smtp.421" or smtp.rset()[0] != 250:
                self._account.drop()
        except (smtplib.SMTPException, OSError):
            self._account.drop()

    # ------------------------------------------------------------------ the message

    def message(self, change: Change) -> tuple[str, list[str], bytes]:
        """Message-ID, recipients and text of a change's message. RecordRejected where its values make none."""
        values = {**change.key, **change.values}
        known = {*FIELDS, *self._rules.headers, *self._declared.fields, *self._declared.key, *change.key}
        if strange := sorted(set(values) - known):
            raise RecordRejected("field.unknown", f"a message has no field {strange[0]}", where=strange[0])
        people = {name: addresses(name, values.get(name)) for name in (*RECIPIENTS, "reply_to")}
        recipients = list(dict.fromkeys(one for name in RECIPIENTS for _, one in people[name]))
        if not recipients or len(recipients) > MOST:
            raise RecordRejected(
                "mail.recipient", f"the message has {len(recipients)} recipients", where="to"
            )
        identity, made = self._identity(change), EmailMessage(policy=SMTP)
        try:
            head = whole(self._head(identity, people, values))
            _fill(made, values)
            body = head + made.as_bytes(policy=SMTP)
        # a builder of messages out of others' values may fail in more ways than its manual says
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise RecordRejected("mail.message", f"the values make no message: {error}") from None
        if _BARE.search(body):
            raise RecordRejected("mail.message", "the values make no message: a line end is half")
        return identity, recipients, body

    def _head(
        self, identity: str, people: Mapping[str, list[tuple[str, str]]], values: Mapping[str, Any]
    ) -> Iterator[bytes]:
        yield people_line("From", [parseaddr(self._rules.sender)])
        for name, header in (("to", "To"), ("cc", "Cc"), ("reply_to", "Reply-To")):
            if people[name]:
                yield people_line(header, people[name])
        yield text_line("Subject", one_line("subject", values.get("subject")))
        yield text_line("Date", format_datetime(datetime.fromtimestamp(int(self._account.now()), UTC)))
        yield b"Message-ID: " + identity.encode() + b"\r\n"
        for name, header in (("in_reply_to", "In-Reply-To"), *self._rules.headers.items()):
            if values.get(name) not in (None, ""):
                yield text_line(header, one_line(name, values[name]))

    def _identity(self, change: Change) -> str:
        """The same for the same intent, whoever sends it when."""
        intent = change.id or key_text([*change.key.values()])
        text = f"{self._account.system}\n{self._name}\n{intent}"
        return f"<{hashlib.sha256(text.encode()).hexdigest()[:40]}@{self._domain}>"


def _fill(made: EmailMessage, values: Mapping[str, Any]) -> None:
    """Text, its form in HTML, and attachments."""
    text, html = values.get("text"), values.get("html")
    made.set_content("" if text is None else str(text))
    if html not in (None, ""):
        made.add_alternative(str(html), subtype="html")
    for one in values.get("attachments") or []:
        try:
            name, data = str(one["name"]), base64.b64decode(str(one["content"]), validate=True)
        except (KeyError, TypeError, binascii.Error, ValueError):
            raise RecordRejected(
                "value.type", "an attachment has name and content (base64)", where="attachments"
            ) from None
        kind = str(one.get("type") or "application/octet-stream")
        if not re.fullmatch(r"[\w.+-]{1,80}/[\w.+-]{1,80}", kind) or kind.startswith(
            ("multipart/", "message/")
        ):
            raise RecordRejected(
                "value.type", f"{kind[:60]!r} is no type of an attachment", where="attachments"
            )
        main, _, sub = kind.partition("/")
        made.add_attachment(data, maintype=main, subtype=sub, filename=_file_name(name))


def _file_name(text: str) -> str:
    if "=?" in one_line("attachments", text):
        raise RecordRejected("mail.header", "the name of an attachment holds =?", where="attachments")
    return text


def _quoted(body: bytes) -> bytes:
    """Lines that begin with a dot are told from the end of the message (RFC 5321 §4.5.2)."""
    text = re.sub(rb"(?m)^\.", b"..", body)
    return text + (b"" if text.endswith(b"\r\n") else b"\r\n") + b".\r\n"
