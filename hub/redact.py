"""Masking of text that leaves the hub: errors, logs, findings, quarantine reasons.

``redact`` hides given secrets in every form they travel in (plain, percent-encoded, base64 at any
offset, JSON-, XML- and backslash-escaped) and what looks like a secret without being known: user
information in URLs, credentials in headers, parameters and keys named like secrets, bearer tokens,
JWTs, PEM private keys. What remains is made one harmless line: ANSI sequences are dropped, control
and direction characters shown as escapes (log injection, CWE-117), and the length is capped.
Classified values of records are the business of ``hub.security``, not of this module.
"""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
LIMIT = 4000

# Foreign bodies may be huge: only this much more than the limit is looked at, and as much of its end
# dropped, so that the half of a secret that the cut left unrecognized is not shown.
_MARGIN = 2048
_SHORT = 4

_NAME = (
    r"(?:password|passwd|passwort|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key"
    r"|credentials?|session[_-]?id|jsessionid|密码|口令)(?:s?\d{0,2}|[_-][\w-]{0,20})"
)
_VALUE = (
    r"(?:\\\"(?:(?!\\\").)*(?:\\\"|\Z)"
    r"|\"(?:[^\"\\]|\\.)*(?:\"|\Z)|'(?:[^'\\]|\\.)*(?:'|\Z)|\{[^}\r\n]*(?:\}|\Z)"
    r"|(?!\*\*\*|//)[^\s,;&\"'<>(){}\[\]|]+)"
)
_SECRET_KEY = re.compile(rf"(?i)(?:{_NAME}|^(?:proxy-)?authorization|^(?:set-)?cookie)$")
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (  # PEM private keys, also cut ones
            r"(?s)-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----"
            r".*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)",
            f"{MASK} (private key)",
        ),
        (  # scheme://user:password@
            r"(?i)([a-z][a-z0-9+.-]{1,30}://[^\s/?#:@\"'<>]{0,200}):[^\s/?#\"'<>]{1,400}@",
            rf"\1:{MASK}@",
        ),
        (  # headers, as lines and as keys of a dictionary
            r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]{0,30}(?:key|token|secret|auth)|apikey)"
            r"(\\?[\"']?\s{0,3}[:=]\s{0,3})(?:\\?\"[^\"\r\n]*\"|'[^'\r\n]*'|(?!\*\*\*)[^\r\n\"'}]+)",
            rf"\1\2{MASK}",
        ),
        (  # credentials without their header: what follows is no word of a sentence
            r"(?i)\b(bearer|basic|negotiate|digest)(\s{1,3}|%20)"
            r"(?=[^\s\"']{0,400}[\d=._+/%-]|[a-z]{16})[\w.+/=~%-]{6,}",
            rf"\1\2{MASK}",
        ),
        (r"\beyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*", MASK),  # JWT
        (
            r"(?i)([?&](?:key|code|sig|signature|ticket|auth|assertion|samlresponse|samlrequest)=)[^&\s\"'<>]+",
            rf"\1{MASK}",
        ),
        (  # <Password>text</Password>
            rf"(?i)((?:<|&lt;)[\w:.-]{{0,40}}{_NAME}(?:\s[^<>]{{0,200}})?(?:>|&gt;))[^<&]+",
            rf"\1{MASK}",
        ),
        (  # password=text, "password": "text", PWD={text};
            rf"(?i)({_NAME}(?:\\?[\"'])?\s{{0,3}}(?:=|:|=>|%3D)\s{{0,3}}){_VALUE}",
            rf"\1{MASK}",
        ),
    )
)
_ANSI = re.compile(
    r"\x1b\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)?"  # operating system command: titles, links
    r"|(?:\x1b\[|\x9b)[0-?]{0,100}[ -/]{0,10}[@-~]"  # control sequence: colours, cursor
    r"|\x1b[ -/]{0,10}[0-~]"
)
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
)
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def redact(text: str, secrets: Iterable[str] = (), *, limit: int = LIMIT) -> str:
    """One printable line of at most ``limit`` characters in which no secret is left.

    >>> redact("GET https://hub:pa55@s4/x?token=abc\\nfailed for pa55", ["pa55"])
    'GET https://hub:***@s4/x?token=***\\\\nfailed for ***'
    """
    return _clean(text, _pattern(secrets), limit)


class Redactor:
    """The secrets of a process, and the masking of all that it says. Safe to share by threads."""

    def __init__(self, secrets: Iterable[str] = (), *, limit: int = LIMIT) -> None:
        self._lock = threading.Lock()
        self._secrets: set[str] = set()
        self._compiled: re.Pattern[str] | None = None
        self._limit = limit
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Remember secrets that were just resolved; from now on they are masked."""
        with self._lock:
            fresh = {secret for secret in secrets if secret} - self._secrets
            if fresh:
                self._secrets |= fresh
                self._compiled = _pattern(self._secrets)

    def __call__(self, text: str) -> str:
        return _clean(text, self._compiled, self._limit)

    def value(self, value: Any, depth: int = 8) -> Any:
        """The same for a nested value: texts are masked, and whatever a key named like a secret holds."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self(value)
        if depth and isinstance(value, Mapping):
            return {
                self(str(key)): MASK if is_secret_name(str(key)) else self.value(item, depth - 1)
                for key, item in value.items()
            }
        if depth and isinstance(value, list | tuple | set | frozenset):
            return [self.value(item, depth - 1) for item in value]
        return self(repr(value))

    def __repr__(self) -> str:
        return f"Redactor({len(self._secrets)} secrets)"


def is_secret_name(name: str) -> bool:
    """Whether a key, parameter or header of this name holds a secret.

    >>> [is_secret_name(n) for n in ("password", "clientSecret", "db_pwd", "Authorization", "secretary")]
    [True, True, True, True, False]
    """
    return _SECRET_KEY.search(name) is not None


def _clean(text: str, secrets: re.Pattern[str] | None, limit: int) -> str:
    window = limit + 4 * _MARGIN
    cut = len(text) > window
    text = _mask(text[:window], secrets)
    plain = _ANSI.sub("", text)
    if plain != text:  # a sequence may have stood in the middle of a secret
        text = _mask(plain, secrets)
    if cut:
        text = text[: max(0, len(text) - _MARGIN)]
    text = _UNSAFE.sub(_escape, text)
    if len(text) > limit or cut:
        return text[: max(0, limit - 1)] + "…"
    return text


def _mask(text: str, secrets: re.Pattern[str] | None) -> str:
    if secrets is not None:
        text = secrets.sub(MASK, text)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def _escape(found: re.Match[str]) -> str:
    char = found.group()
    return _NAMED.get(char) or (f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{ord(char):04x}")


def _pattern(secrets: Iterable[str]) -> re.Pattern[str] | None:
    """All forms of all secrets as one pattern, the longest first so that none shows another's rest."""
    whole: set[str] = set()
    parts: set[str] = set()
    for secret in secrets:
        if len(secret) < _SHORT:  # "1" inside of other words is not the secret
            whole |= {secret} - {""}
        else:
            parts |= _forms(secret)
    if not whole and not parts:
        return None
    choices = [re.escape(form) for form in sorted(parts, key=len, reverse=True)]
    choices += [rf"(?<!\w){re.escape(form)}(?!\w)" for form in sorted(whole, key=len, reverse=True)]
    return re.compile("|".join(choices))


def _forms(secret: str) -> set[str]:
    encoded = {
        quote(secret, safe="", errors="replace"),
        quote(secret, errors="replace"),
        quote_plus(secret, errors="replace"),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        json.dumps(secret)[1:-1].replace("/", "\\/"),
        json.dumps(json.dumps(secret)[1:-1])[1:-1],
        repr(secret)[1:-1],
        html.escape(secret),
        html.escape(secret, quote=False),
        secret.replace("'", "''"),
        secret.replace("}", "}}"),
    }
    encoded |= {re.sub(r"%[0-9A-F]{2}", lambda found: found.group().lower(), form) for form in encoded}
    for charset in ("utf-8", "latin-1"):  # HTTP Basic is sent in either (RFC 7617)
        raw = secret.encode(charset, errors="replace")
        encoded |= _base64_forms(raw) | {raw.hex(), raw.hex().upper()}
    return {secret} | {form for form in encoded if len(form) >= _SHORT}


def _base64_forms(raw: bytes) -> set[str]:
    """What base64 shows of the bytes wherever they start in a longer text (``user:secret``)."""
    forms = set()
    for lead in range(3):
        coded = base64.b64encode(b"\0" * lead + raw).decode()
        inner = coded.rstrip("=")
        start = (0, 2, 3)[lead]
        # the last character depends on what follows, unless the bytes end on a boundary
        inner = inner[start:] if (lead + len(raw)) % 3 == 0 else inner[start:-1]
        if len(inner) >= 6:
            forms |= {inner, inner.replace("+", "-").replace("/", "_")}
    return forms
