"""Log-in by a directory: find the entry of who logs in, then bind as that entry with what he typed (RFC 4513 §5.1.3).

What is wrong is tried as far as what is right: one search and one bind, whether there is such an entry or not.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import ldap

from connectors.ldap.connection import Connection, Entry
from connectors.ldap.faults import told
from connectors.ldap.schema import Shape
from connectors.ldap.settings import key_of
from connectors.ldap.values import READ, escape
from hub.contract import Proven, key_text
from hub.errors import ConfigError, HubError

LONGEST = 1024
REFUSED = (ldap.INVALID_CREDENTIALS, ldap.INAPPROPRIATE_AUTH, ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX,
           ldap.CONSTRAINT_VIOLATION, ldap.UNWILLING_TO_PERFORM)  # fmt: skip
"""What a directory answers to a bind that proves nothing; the last two where the account is locked or has no
password."""
WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"


class Proof:
    """Accounts of one resource, and who may log in by them. ``by`` are the attributes that hold what somebody types."""

    def __init__(self, connection: Connection, shape: Shape, by: Sequence[str]) -> None:
        self._connection = connection
        self._shape = shape
        self._by = [shape.attribute(name).name for name in by]
        if not connection.settings.encrypted:
            raise ConfigError(
                "ldap.login_plain", "passwords of people are sent encrypted only", where=connection.system,
                hint="write ldaps:// in url:, or starttls: true",
            )  # fmt: skip

    def find(self, name: str) -> Proven | None:
        """The one entry that is called so; None where there is none, or several."""
        entry = self._entry(name)
        return None if entry is None else self._known(entry)

    def prove(self, name: str, known: Proven | None, password: str) -> bool:
        """Whether the password is that of the entry. False as well for an entry that is not there: the same bind is
        tried by a name that nobody has. Errors are those of a directory that cannot be asked."""
        if not 0 < len(password) <= LONGEST or "\0" in password:
            return False  # a bind without a password succeeds, and proves nothing (RFC 4513 §5.1.2)
        dn = known.place if known else f"cn={secrets.token_hex(16)},{self._shape.base}"
        if not self._bound(dn, password) or known is None:
            return False
        again = self._entry(name)  # the entry may have gone, moved, or left the filter meanwhile
        return again is not None and self._known(again) == known

    def _bound(self, dn: str, password: str) -> bool:
        raw = self._connection.reached()
        try:
            raw.simple_bind_s(dn, password)
            return not self._anonymous(raw)
        except REFUSED:
            return False
        except ldap.LDAPError as error:
            raise self._told(error, password) from None
        finally:
            raw.unbind_ext()

    def _anonymous(self, raw: Any) -> bool:
        """Whether the directory took the bind for nobody's; servers that do not say so are believed."""
        return WHO_AM_I in self._connection.root.get("supportedextension", []) and not raw.whoami_s()

    def _told(self, error: ldap.LDAPError, password: str) -> HubError:
        return told(error, self._connection.system, [*self._connection.secrets, password])

    def _entry(self, name: str) -> Entry | None:
        if not 0 < len(name) <= LONGEST:
            return None
        each = "".join(f"({one}={escape(name)})" for one in self._by)
        condition = f"(&{self._shape.condition}(|{each}))"
        wanted = [*key_of(self._connection.settings, self._shape.declared), self._connection.settings.id, *self._by]
        pages = self._connection.search(
            self._shape.base, self._shape.declared.scope, condition, wanted, size=None, where=self._shape.name
        )
        found = [entry for page, _ in pages for entry in page]
        return found[0] if len(found) == 1 else None

    def _known(self, entry: Entry) -> Proven:
        dn, attributes = entry
        values = {name.lower(): several for name, several in attributes.items()}
        key = [self._text(name, values) for name in key_of(self._connection.settings, self._shape.declared)]
        called = next((text for name in self._by if (text := self._text(name, values))), "")
        return Proven(key_text(key), self._text(self._connection.settings.id, values), called, dn)

    def _text(self, name: str, values: Mapping[str, Sequence[bytes]]) -> str:
        one = self._shape.attribute(name)
        found = values.get(one.name.lower())
        return str(READ[one.kind](found[0])) if found else ""

