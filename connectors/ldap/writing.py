"""Writing entries: only what differs is sent, an entry whose name comes out differently is moved.

A change is one, two or three requests (move, modify, more values). The answer to the last one counts; where an
earlier one succeeded, the same change sent again does only what is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ldap
from ldap.controls import AssertionControl
from ldap.controls.readentry import PostReadControl

from connectors.ldap.connection import Connection
from connectors.ldap.controls import ASSERTION, POST_READ
from connectors.ldap.differing import Mod, modifications, pieces, values_of
from connectors.ldap.faults import LOST, outcome_of, result_of
from connectors.ldap.looking import Lookup, Standing
from connectors.ldap.names import filled, naming, same_name, split_name
from connectors.ldap.schema import Shape
from connectors.ldap.settings import DN, PARENT, PASSWORDS, Write, slots
from connectors.ldap.values import escape, password
from hub.contract import Change, Found, Outcome
from hub.errors import ConfigError, HubError, RecordRejected
from hub.http.outcomes import later


class Writer:
    """Writes one resource."""

    def __init__(self, connection: Connection, shape: Shape) -> None:
        self._connection = connection
        self._shape = shape
        self._lookup = Lookup(connection, shape)

    @property
    def _write(self) -> Write:
        if self._shape.declared.write is None:
            raise ConfigError(
                "write.undeclared", f"nothing says how entries of {self._shape.name} are named",
                where=self._shape.name, hint="add write: {dn: …} to the resource",
            )  # fmt: skip
        return self._shape.declared.write

    def find(self, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
        return self._lookup.find(keys)

    def deliver(self, changes: Sequence[Change]) -> list[Outcome]:
        """One outcome per change; raises only while none can have had an effect."""
        self._require_writable(changes)
        self._connection.open()
        names = [name for change in changes for name in self._attributes(change)]
        wanted = [
            *dict.fromkeys([*names, *(name for name, _ in slots(self._write.dn) if self._is_attribute(name))])
        ]
        standing = self._lookup.standing(changes, wanted)
        outcomes: list[Outcome] = []
        for number, change in enumerate(changes):
            outcome = self._outcome(change, standing[number])
            outcomes.append(outcome)
            if outcome.status == "retry" or outcome.code == "ldap.down":
                return outcomes + later(changes[len(outcomes) :], outcome.code)
        return outcomes

    def _require_writable(self, changes: Sequence[Change]) -> None:
        _ = self._write
        secret = {name.lower() for name in PASSWORDS}
        if not self._connection.settings.encrypted and any(
            name.lower() in secret and value is not None
            for change in changes
            for name, value in change.values.items()
        ):
            raise ConfigError(
                "ldap.password_plain", "a password is not sent over a connection in plain text",
                where=self._shape.name, hint="use ldaps://, or starttls: true",
            )  # fmt: skip

    def _outcome(self, change: Change, standing: Standing | RecordRejected | None) -> Outcome:
        try:
            if isinstance(standing, RecordRejected):
                raise standing
            return self._send(change, standing)
        except RecordRejected as error:
            return Outcome("rejected", change.foreign_id, None, error.code, error.message)
        except ldap.LDAPError as error:
            if result_of(error) in LOST:
                self._connection.close()
            return outcome_of(error, change, self._connection.secrets)
        except HubError as error:  # of a request that only reads
            return Outcome("unknown", change.foreign_id, None, error.code, error.message)

    def _send(self, change: Change, standing: Standing | None) -> Outcome:
        if change.operation == "create":
            return self._create(change)
        if standing is None:
            gone = Outcome(
                "conflict", change.foreign_id, None, "ldap.gone", "the entry is not there any more"
            )
            return Outcome("done", change.foreign_id) if change.operation == "delete" else gone
        if change.version is not None and standing.version not in (None, change.version):
            return Outcome(
                "conflict",
                standing.foreign_id,
                None,
                "ldap.changed",
                "the entry changed since it was last seen",
            )
        if change.operation == "delete":
            self._raw.delete_ext_s(standing.dn, serverctrls=self._asserting(change))
            return Outcome("done", standing.foreign_id)
        return self._update(change, standing)

    @property
    def _raw(self) -> Any:
        return self._connection.open()

    # ------------------------------------------------------------------ creating

    def _create(self, change: Change) -> Outcome:
        given = {**change.key, **change.values}
        dn = filled(self._write.dn, given)
        made: dict[str, list[bytes]] = {}
        for name, value in self._attributes(change).items():
            one = self._shape.attribute(name)
            if several := values_of(one, value):
                made[one.name] = several
        for name, own in naming(dn):
            if not any(known.lower() == name.lower() for known in made):
                made[name] = [own]
        if not any(known.lower() == "objectclass" for known in made):
            classes = self._write.object_class or self._shape.classes
            made["objectClass"] = [one.encode() for one in classes]
        made |= {name: [password(name, value)] for name, value in self._passwords(change).items()}
        first, rest = pieces([(ldap.MOD_ADD, name, several) for name, several in made.items()])
        _, _, _, controls = self._raw.add_ext_s(
            dn, [(name, several) for _, name, several in first], serverctrls=self._telling()
        )
        for more in rest:
            _, _, _, controls = self._raw.modify_ext_s(dn, more, serverctrls=self._telling())
        return self._done(dn, controls)

    # ------------------------------------------------------------------ changing

    def _update(self, change: Change, standing: Standing) -> Outcome:
        dn, controls = standing.dn, None
        wanted = self._name(change, standing)
        if wanted is not None and not same_name(dn, wanted):
            own, above = split_name(wanted)
            moves = None if same_name(split_name(dn)[1], above) else above
            raw = self._raw
            number = raw.rename(
                dn, own, newsuperior=moves, delold=1, serverctrls=[*self._telling(), *self._asserting(change)]
            )
            _, _, _, controls = raw.result3(number, timeout=self._connection.settings.timeout)
            dn = wanted
            standing = standing.renamed(dn)
        mods: list[Mod] = []
        for name, value in self._attributes(change).items():
            one = self._shape.attribute(name)
            only = name.lower() in {each.lower() for each in self._write.add_only}
            mods += modifications(
                one, standing.values.get(name.lower(), []), value, naming(dn), add_only=only
            )
        if self._write.password == "always":
            mods += [
                (ldap.MOD_REPLACE, name, [password(name, value)])
                for name, value in self._passwords(change).items()
            ]
        first, rest = pieces(mods)
        asserted = self._asserting(change) if controls is None else []
        for more in [first, *rest] if first else []:
            _, _, _, controls = self._raw.modify_ext_s(dn, more, serverctrls=[*self._telling(), *asserted])
            asserted = []
        if controls is None:
            return Outcome("done", standing.foreign_id, standing.version)
        return self._done(dn, controls)

    def _name(self, change: Change, standing: Standing) -> str | None:
        """The name the entry is to have; None where a value for it is missing, and it stays."""
        given: dict[str, Any] = {
            name: standing.first(name)
            for name, _ in slots(self._write.dn)
            if standing.first(name) is not None
        }
        given |= {**change.key, **change.values}
        if any(given.get(name) in (None, "") for name, _ in slots(self._write.dn)):
            return None
        return filled(self._write.dn, given)

    # ------------------------------------------------------------------ both

    def _attributes(self, change: Change) -> dict[str, Any]:
        """The values that are attributes: neither names, nor passwords, nor what only a name is made of."""
        found = {}
        secret = {name.lower() for name in PASSWORDS}
        template = {name for name, _ in slots(self._write.dn)}
        for name, value in {**change.key, **change.values}.items():
            if name in (DN, PARENT) or name.lower() in secret:
                continue
            if not self._is_attribute(name):
                if name in template:
                    continue
                raise ConfigError(
                    "ldap.attribute", f"the directory knows no attribute {name}", where=self._shape.name,
                    hint="mend the mapping, or the schema of the directory",
                )  # fmt: skip
            if not self._shape.attribute(name).fixed:
                found[name] = value
        return found

    def _is_attribute(self, name: str) -> bool:
        return self._shape.knows(name)

    @staticmethod
    def _passwords(change: Change) -> dict[str, Any]:
        secret = {name.lower(): name for name in PASSWORDS}
        return {
            secret[name.lower()]: value
            for name, value in change.values.items()
            if name.lower() in secret and value
        }

    def _telling(self) -> list[Any]:
        """Asks for id and version after the change, of servers that tell them (RFC 4527)."""
        if not self._connection.knows(POST_READ):
            return []
        return [PostReadControl(False, self._lookup.marks)]

    def _asserting(self, change: Change) -> list[Any]:
        """Makes the server compare the version in the same moment, where it can (RFC 4528)."""
        if change.version is None or not self._connection.knows(ASSERTION) or self._lookup.version is None:
            return []
        return [AssertionControl(True, f"({self._lookup.version}={escape(change.version)})")]

    def _done(self, dn: str, controls: Sequence[Any] | None) -> Outcome:
        told = next((one for one in controls or () if one.controlType == POST_READ), None)
        if told is not None:
            return self._lookup.marked(told.entry)
        found = self._connection.entry(dn, self._lookup.marks)
        return self._lookup.marked(found[1] if found else {})
