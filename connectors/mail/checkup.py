"""The steps of checking a mail account. Nothing is sent, and nothing is marked as seen."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from socket import socket
from urllib.parse import urlsplit

from connectors.mail.account import Account
from connectors.mail.declared import PORTS, MailResource
from connectors.mail.folder import Folder
from hub.contract import Context
from hub.doctor.endpoint import Endpoint, Trust
from hub.doctor.steps import Said, Step, warned
from hub.errors import ConfigError

STARTTLS = {
    "imap": ((b"a STARTTLS\r\n", b"a OK"),),
    "smtp": ((b"EHLO localhost\r\n", b"250"), (b"STARTTLS\r\n", b"220")),
}
"""What is said after the greeting, and what must be answered."""


def steps(context: Context, account: Account, resources: Mapping[str, MailResource]) -> list[Step]:
    """``dns`` to ``tls`` and the log-in of each server, named after it; then each resource."""
    made: list[Step] = []
    if account.settings.imap:
        made += _reaching(context, account, "imap", account.settings.imap)
        made.append(Step("authentication imap", partial(_imap, account), ("tls imap",)))
    if account.settings.smtp:
        made += _reaching(context, account, "smtp", account.settings.smtp)
        made.append(Step("authentication smtp", partial(_smtp, account), ("tls smtp",)))
    for name, declared in resources.items():
        if declared.send is None:
            made.append(Step(f"read {name}", partial(_read, account, declared), ("authentication imap",)))
        else:
            sender = declared.send.sender
            made.append(Step(f"write {name}", partial(_write, account, sender), ("authentication smtp",)))
    return made


def _reaching(context: Context, account: Account, kind: str, url: str) -> list[Step]:
    parts, settings = urlsplit(url), account.settings
    encrypted = parts.scheme.endswith("s") or settings.starttls
    trust = Trust.of(settings.tls, context.folder) if encrypted else None
    endpoint = Endpoint(
        parts.hostname or "", parts.port or PORTS[parts.scheme], timeout=settings.limits.timeout, now=account.now,
        trust=trust, starts=partial(_start, kind) if encrypted and parts.scheme == kind else None,
    )  # fmt: skip
    return endpoint.steps(kind)


def _start(kind: str, made: socket) -> None:
    """Begin TLS by STARTTLS."""
    _answer(made)
    for asked, wanted in STARTTLS[kind]:
        made.sendall(asked)
        if not _answer(made).startswith(wanted):
            raise ConfigError(
                "tls.starttls", "the mail server does not begin encryption on this port",
                hint=f"use {kind}s://, or have the server's owner give it a certificate",
            )  # fmt: skip


def _answer(made: socket) -> bytes:
    """The last line of an answer; lines of EHLO that go on have a hyphen behind their number."""
    text = b""
    while len(text) < 16_384:
        piece = made.recv(4096)
        text += piece
        last = text.rstrip(b"\r\n").rpartition(b"\n")[2]
        if not piece or (text.endswith(b"\n") and not (last[:3].isdigit() and last[3:4] == b"-")):
            return last
    return b""


def _imap(account: Account) -> Said | str:
    with account.imap() as imap:
        if "CONDSTORE" in imap.capabilities:
            return "logged in; new, expunged and changed messages are told"
    return warned(
        "mail.condstore", "logged in; new and expunged messages are told, changed flags by full reads only",
        "where flags matter: set schedule: {full: …}; or have the server's owner switch on CONDSTORE (RFC 7162)",
    )  # fmt: skip


def _smtp(account: Account) -> str:
    account.smtp()
    return "logged in" if account.settings.username else "the server takes the hub as nobody"


def _read(account: Account, declared: MailResource) -> str:
    state = Folder(account, declared).opened()
    return f"the folder can be opened (UIDVALIDITY {state.validity})"


def _write(account: Account, sender: str) -> str:
    return f"messages go out as {sender}; none was sent"
