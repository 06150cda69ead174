"""Result codes (RFC 4511 §4.1.9, and libldap's own below 0) as errors of the hub, and as outcomes of changes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import ldap

from hub.contract import Change, Outcome
from hub.errors import AuthError, ConfigError, Fatal, HubError, Retriable
from hub.redact import redact

NO_SUCH_OBJECT, ALREADY_EXISTS, ASSERTION_FAILED = 32, 68, 122
SYNC_REFRESH_REQUIRED = 4096
LOST = frozenset({-1, -5, -11})
"""The connection is gone, or the answer did not come: nobody knows what became of the request."""
LATER = frozenset({3, 11, 51, 52})
"""The server did nothing, and may do it later."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a result code means to a reader."""

    code: str
    message: str
    hint: str
    kind: type[HubError]
    results: frozenset[int]


_RULES = (
    Rule("ldap.login", "the directory refuses the log-in", "mend username and password of the system", AuthError,
         frozenset({48, 49})),
    Rule("ldap.denied", "the account lacks a right", "give the account the right in the directory", AuthError,
         frozenset({50, 47, 123})),
    Rule("ldap.encryption", "the directory wants an encrypted connection", "use ldaps://, or starttls: true",
         ConfigError, frozenset({7, 8, 13})),
    Rule("ldap.base", "there is no such entry to search below, or the account may not see it",
         "mend base: of the resource, or give the account the right", ConfigError, frozenset({NO_SUCH_OBJECT})),
    Rule("ldap.limit", "the directory gives no more entries in one answer",
         "raise its size limit for the account; or leave page_size to its default, where it is null", Fatal,
         frozenset({4, 70})),
    Rule("ldap.busy", "the directory is busy", "run again later", Retriable, LATER),
    Rule("ldap.down", "the directory does not answer", "is it up, are address and port right, is timeout: long enough?",
         Retriable, LOST),
    Rule("ldap.filter", "the directory does not understand the filter", "mend filter: of the resource", ConfigError,
         frozenset({-7, 18})),
    Rule("ldap.dn", "a name is no DN", "mend base: or dn:", ConfigError, frozenset({34})),
    Rule("ldap.extension", "the directory does not know a control that is needed",
         "another sync:, or page_size: null", ConfigError, frozenset({12, -12})),
    Rule("ldap.referral", "the entries are in another directory", "name the server that holds base: in url:",
         ConfigError, frozenset({10})),
    Rule("ldap.answer", "the answer cannot be understood", "is that an LDAP server?", Fatal, frozenset({2, -4})),
)  # fmt: skip
_BY_RESULT = {result: rule for rule in _RULES for result in rule.results}
# What Active Directory says behind invalidCredentials, as "data 52e".
_LOGINS = {
    "525": "there is no such user", "52e": "the password is wrong", "530": "not at this time", "531": "not from here",
    "532": "the password has expired", "533": "the account is disabled", "701": "the account has expired",
    "773": "the password must be changed first", "775": "the account is locked",
}  # fmt: skip
# libldap on GnuTLS has no other words for a certificate that it does not trust than the last ones.
_TLS = re.compile(r"(?i)certificate|\btls\b|\bssl\b|handshake|hostname|unknown error code")


def result_of(error: ldap.LDAPError) -> int:
    """The result code; those of libldap are below 0."""
    said = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    number = said.get("result", getattr(error, "errnum", 80))
    return number if isinstance(number, int) else 80


def shown(error: ldap.LDAPError, secrets: Iterable[str]) -> str:
    """What the server said, without values of secrets."""
    said = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    parts = [str(said.get("desc") or type(error).__name__)]
    if found := re.search(r"\bdata ([0-9a-f]{3})\b", str(said.get("info", ""))):
        parts.append(_LOGINS.get(found[1], ""))
    parts.append(str(said.get("info", "")))
    text = ": ".join(part.strip(" \n\0") for part in parts if part.strip(" \n\0"))
    return redact(text, secrets)[:300]


def told(error: ldap.LDAPError, where: str, secrets: Iterable[str]) -> HubError:
    """What an error means while nothing is being changed."""
    text, result = shown(error, secrets), result_of(error)
    if result in (-1, -11, 52) and _TLS.search(text):
        return ConfigError(
            "ldap.tls", f"no encrypted connection comes about: {text}", where=where,
            hint="check tls: ca, the name in url: and the server's certificate",
        )  # fmt: skip
    if result == 1 and re.search(r"(?i)bind must|authentication", text):
        result = 49  # how Active Directory answers to who has not logged in
    rule = _BY_RESULT.get(result)
    if rule is None:
        return Fatal(
            "ldap.failed", f"result {result}: {text}", where=where, hint="see the message of the directory"
        )
    return rule.kind(rule.code, f"{rule.message}: {text}", where=where, hint=rule.hint)


def outcome_of(error: ldap.LDAPError, change: Change, secrets: Iterable[str]) -> Outcome:
    """What an error means for the change it answers."""
    text, result = shown(error, secrets), result_of(error)
    code = f"ldap.{result}" if result > 0 else "ldap.down"
    identity = change.foreign_id
    if result in LOST:
        return Outcome("unknown", identity, None, code, text)
    if result in LATER:
        return Outcome("retry", identity, None, code, text)
    if result == NO_SUCH_OBJECT and change.operation == "delete":
        return Outcome("done", identity)
    if result in (ALREADY_EXISTS, ASSERTION_FAILED):
        return Outcome("conflict", identity, None, code, text)
    if result == 80:  # other: Active Directory and Samba answer it after anything
        return Outcome("unknown", identity, None, code, text)
    return Outcome("rejected", identity, None, code, text)
