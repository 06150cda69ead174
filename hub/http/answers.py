"""An answer, and the judging of what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, overload

import msgspec

from hub.errors import AuthError, ConfigError, Fatal, HubError, Retriable
from hub.untrusted import decoded, parse_json

T = TypeVar("T")

ANY = range(100, 600)
"""Every status: for callers that judge it themselves."""

SNIPPET = 300
HEAD = 1 << 16
_LOGIN = re.compile(r"(?i)(?:log-?in|log-?on|sign-?in|sso|saml|oauth|authorize|/cas/|adfs|idp)")
_PASSWORD = re.compile(rb"(?i)<input[^>]{0,200}type\s*=\s*[\"']?password")
_HTML = re.compile(
    rb"(?i)\s*(?:\xef\xbb\xbf)?(?:<!--.{0,500}?-->\s*)?<(?:!doctype html|html|head|body)", re.S
)
_CHARSET = re.compile(r"(?i)charset\s*=\s*\"?([\w.:-]+)")
_JSON_CODES = {
    "json.truncated": "page.cut",
    "json.malformed": "http.not_json",
    "json.encoding": "http.encoding",
}


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: status, headers with lower-case names, inflated body, and where it came from.

    ``where`` is ``METHOD host/path`` for messages; ``url`` the full address, to resolve links by.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    where: str

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def utf8(self) -> bytes:
        """The body as UTF-8, whatever character set its header names."""
        found = _CHARSET.search(self.headers.get("content-type", ""))
        if found is None or found[1].lower() in ("utf-8", "utf8", "us-ascii"):
            return self.body
        try:
            return decoded(self.body, found[1]).encode()
        except (LookupError, UnicodeError):
            raise Fatal(
                "http.encoding", f"the answer is not in {found[1]}, as it says", where=self.where
            ) from None

    def json_bytes(self) -> bytes:
        """The body as UTF-8 JSON text, judged as by ``json`` and not decoded."""
        return bytes(self.json(msgspec.Raw))

    @overload
    def json(self) -> Any: ...
    @overload
    def json(self, kind: type[T]) -> T: ...
    def json(self, kind: Any = Any) -> Any:
        """The body as JSON. An empty body, a page for people or a cut text raises, it is never "nothing".

        Codes: ``http.empty http.html auth.login_page http.not_json page.cut http.encoding``.
        """
        if not self.body.strip():
            raise Fatal(
                "http.empty",
                f"answered {self.status} without a body where JSON was expected",
                where=self.where,
                hint="an empty answer is not an empty list: check url: and path:, or ask the system's owner",
            )
        refuse_html(self)
        try:
            return parse_json(self.utf8(), kind, where=self.where)
        except Fatal as error:
            code = _JSON_CODES.get(error.code, error.code)
            if code == "page.cut":
                raise Retriable(code, f"the answer is cut off: {error.message}", where=self.where) from None
            raise Fatal(code, error.message, where=self.where) from None


def refuse_html(answer: Response) -> None:
    """Refuse a page for people: a login form is an AuthError, any other a Fatal."""
    # some systems send their JSON as text/html: what it is decides
    typed = "html" in answer.headers.get("content-type", "").lower() and answer.body.lstrip()[:1] not in (
        b"{",
        b"[",
    )
    if not typed and not _HTML.match(answer.body):
        return
    if _PASSWORD.search(answer.body):
        raise AuthError(
            "auth.login_page",
            "a login page came instead of data",
            where=answer.where,
            hint="check auth: and whether this address is meant for programs",
        )
    raise Fatal(
        "http.html",
        f"an HTML page came instead of data (status {answer.status})",
        where=answer.where,
        hint="check url:, the path and whether a proxy answers",
    )


def judge(
    answer: Response, expect: Collection[int], redact: Callable[[str], str], wait: float | None
) -> HubError | None:
    """What is wrong with the status of an answer: None for 2xx and whatever the caller expects."""
    status, where = answer.status, answer.where
    if answer.ok or status in expect:
        return None
    said = snippet(answer, redact)
    if status == 401:
        return AuthError(
            "auth.refused", f"the credentials were refused{said}", where=where, hint="check auth:"
        )
    if status == 407:
        return AuthError("auth.proxy", "the proxy wants other credentials", where=where, hint="check proxy:")
    if status == 403 and wait is None:  # with a wait it is a limit in disguise
        return AuthError(
            "auth.forbidden",
            f"the account may not do this{said}",
            where=where,
            hint="give the account the right, or use another one",
        )
    if 300 <= status < 400:
        return _redirect(answer)
    if status == 429 or (status in (403, 503) and wait is not None):
        return Retriable(
            "http.rate",
            f"asked to slow down ({status})",
            where=where,
            wait=wait,
            hint="run again later, or lower limits.rate of the system",
        )
    if status in (408, 425) or status >= 500:
        return Retriable(
            "http.status",
            f"answered {status}{said}",
            where=where,
            wait=wait,
            hint="run again later; if it stays, ask the system's owner",
        )
    if status in (404, 405, 410):
        return ConfigError(
            "http.not_found",
            f"answered {status}{said}",
            where=where,
            hint="check url: and the resource's path",
        )
    return Fatal(
        "http.status",
        f"answered {status}{said}",
        where=where,
        hint="the system understood the address and refused the request: compare it with the system's manual",
    )


def _redirect(answer: Response) -> HubError:
    target = answer.headers.get("location", "")
    if _LOGIN.search(target):
        return AuthError(
            "auth.login_page",
            "redirected to a login page",
            where=answer.where,
            hint="check auth: and whether this address is meant for programs",
        )
    host = re.match(r"(?i)https?://([^/?#@\s]{1,200})", target)
    return Fatal(
        "http.redirect",
        f"redirected ({answer.status}) to {host[1] if host else 'another place'}",
        where=answer.where,
        hint="redirects to other addresses are not followed; write the final address",
    )


def snippet(answer: Response, redact: Callable[[str], str]) -> str:
    """A short masked piece of the body for a message."""
    if not answer.body:
        return ""
    if "html" in answer.headers.get("content-type", "") or _HTML.match(answer.body):
        found = re.search(rb"(?is)<title[^<>]{0,200}>(.{0,200}?)</title>", answer.body[:HEAD])
        text = found[1] if found else b"an HTML page"
    else:
        text = answer.body[: 4 * SNIPPET]
    words = " ".join(redact(text.decode("utf-8", "replace")).split())
    return f": {words[:SNIPPET]}{'…' if len(words) > SNIPPET else ''}" if words else ""
