"""What YAML may say about a mail account, the folders it reads and the messages it sends."""

from __future__ import annotations

import re
from email.utils import parseaddr
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from hub.contract import Secret, Settings
from hub.http.records import check_fields
from hub.http.settings import HeaderName, Limits, Names, OAuth2, Size, Tls

ADDRESS = re.compile(r"[^\s<>,;:\"()\[\]\\@]{1,128}@[^\s<>,;:\"()\[\]\\@]{1,255}")
PORTS = {"imap": 143, "imaps": 993, "smtp": 25, "smtps": 465}
_OWN_HEADERS = frozenset({
    "from", "to", "cc", "bcc", "subject", "date", "message-id", "mime-version", "reply-to", "in-reply-to", "sender",
    "references", "return-path", "received", "dkim-signature",
})  # fmt: skip


def _address_of(kind: str, text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in (kind, f"{kind}s") or not parts.hostname:
        raise ValueError(f"write an address that begins with {kind}s:// or {kind}://")
    if "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("the address ends after host and port: use username: and password:")
    return text


def _mailbox(text: str) -> str:
    if not ADDRESS.fullmatch(parseaddr(text)[1]) or re.search(r"[\x00-\x1f\x7f]", text):
        raise ValueError("write a mail address such as hub@example.com or Hub <hub@example.com>")
    return text


def _criteria(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9 ()\"<>@._:/+-]{1,500}", text):
        raise ValueError("write search criteria of RFC 3501 §6.4.4, such as UNSEEN or SINCE 1-Jan-2026")
    return text


def _headers(given: dict[str, str]) -> dict[str, str]:
    for field, header in given.items():
        if not re.fullmatch(r"[a-z_][a-z0-9_]*", field):
            raise ValueError(f"{field!r} is no name of a field")
        if header.lower() in _OWN_HEADERS:
            raise ValueError(f"{header} has a field of its own")
    return given


def _sent_headers(given: dict[str, str]) -> dict[str, str]:
    for header in _headers(given).values():
        if header.lower().startswith("content-"):
            raise ValueError(f"{header} follows from text, html and attachments")
    return given


class MailSettings(Settings):
    """A mail account: IMAP to read, SMTP to send, or both."""

    imap: Annotated[str, AfterValidator(lambda text: _address_of("imap", text))] | None = Field(
        default=None, description="Address of the IMAP server", examples=["imaps://mail.example.com"]
    )
    smtp: Annotated[str, AfterValidator(lambda text: _address_of("smtp", text))] | None = Field(
        default=None, description="Address of the SMTP server", examples=["smtp://mail.example.com:587"]
    )
    username: str | None = Field(
        default=None,
        description="User; without one the hub does not log in to SMTP",
        examples=["hub@example.com"],
    )
    password: Secret | None = Field(default=None, description="Password", examples=["secret://mail/password"])
    oauth2: OAuth2 | None = Field(
        default=None,
        description="Log in by a token of OAuth 2.0 instead of a password (OAUTHBEARER or XOAUTH2)",
        examples=[
            {
                "token_url": "https://login.microsoftonline.com/TENANT/oauth2/v2.0/token",
                "client_id": "hub",
                "client_secret": "secret://mail/client",
                "scope": "https://outlook.office365.com/.default",
                "client_auth": "post",
            }
        ],
    )
    starttls: bool = Field(
        default=True,
        description="Encrypt a connection to imap:// and smtp:// before logging in; imaps:// and smtps:// are anyway",
    )
    tls: Tls = Field(default_factory=Tls, description="Private authority and client certificate")
    limits: Limits = Field(default_factory=Limits, description="Messages per time, and deadlines")
    max_message: Annotated[Size, Field(le=32 << 20)] = Field(
        default=5 << 20, description="Largest message that is read whole, or sent", examples=["5MB"]
    )
    page_size: int = Field(default=100, ge=1, le=1000, description="Messages per page", examples=[200])

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.imap is None and self.smtp is None:
            raise ValueError("write imap:, smtp: or both")
        if self.password is not None and self.oauth2 is not None:
            raise ValueError("write one of password and oauth2")
        if (self.username is None) != (self.password is None and self.oauth2 is None):
            raise ValueError("write username and password (or oauth2), or neither")
        if self.imap is not None and self.username is None:
            raise ValueError("IMAP wants username: and password:, or oauth2:")
        return self


class Send(Settings):
    """How records become messages."""

    sender: Annotated[str, AfterValidator(_mailbox)] = Field(
        description="Address in From, and of who hears of failures", examples=["COP Hub <hub@example.com>"]
    )
    updates: Literal["refuse", "send", "skip"] = Field(
        default="refuse",
        description="What a changed record does: it is rejected, sent as a new message, or counts as done",
    )
    doubtful: Literal["again", "wait"] = Field(
        default="again",
        description="Where the server's last answer is lost: send again with the same Message-ID, or wait for a person",
    )
    headers: Annotated[dict[str, HeaderName], AfterValidator(_sent_headers)] = Field(
        default={}, description="Fields that are headers of their own", examples=[{"ticket": "X-Ticket"}]
    )

    @property
    def refuses(self) -> frozenset[str]:
        """Nothing takes a message back. What a change does, ``updates`` has settled."""
        return frozenset({"delete"}) if self.updates == "refuse" else frozenset()


class MailResource(Settings):
    """A folder that is read, or, with ``send``, messages that are sent."""

    title: str = Field(default="", description="Title")
    folder: str = Field(
        default="INBOX", description="Folder", examples=["INBOX/Orders"], min_length=1, max_length=500
    )
    key: Names = Field(
        default=["id"],
        description="What identifies a message: id (folder's UIDVALIDITY and UID), or other fields",
    )
    search: Annotated[str, AfterValidator(_criteria)] = Field(
        default="ALL", description="Messages to read, by IMAP's criteria", examples=["SINCE 1-Jan-2026"]
    )
    expunged: bool = Field(default=True, description="Tell messages that are gone; needs the key id")
    attachments: Literal["names", "content"] = Field(
        default="names",
        description="Attachments by name, type, size and hash, or with their content as base64",
    )
    headers: Annotated[dict[str, HeaderName], AfterValidator(_headers)] = Field(
        default={}, description="Further headers as fields", examples=[{"order_number": "X-Order-Number"}]
    )
    send: Send | None = Field(default=None, description="Send records instead of reading a folder")
    fields: Annotated[dict[str, Any], AfterValidator(check_fields)] = Field(
        default={}, description="Further fields of what is sent: key fields that are no part of the message",
        examples=[{"number": "text"}],
    )  # fmt: skip

    @property
    def narrowed(self) -> bool:
        """Whether only some of a folder's messages are read: one that is missing may be there all the same."""
        return self.send is None and self.search != "ALL"

    @property
    def tells_expunged(self) -> bool:
        return self.send is None and self.expunged and self.key == ["id"] and not self.narrowed
