"""What the hub's account does not see: parts in other directories, units whose entries are hidden, attributes.

A directory answers a search with what the account may see and says that this was all. What is hidden would look as
if it were gone, so a whole read is believed only where nothing is, or where ``parts: skip`` says that it is meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ldap.schema import AttributeType

from connectors.ldap.connection import ANY, Connection, Entry
from connectors.ldap.controls import Plain
from connectors.ldap.schema import Shape
from connectors.ldap.settings import is_secret
from hub.errors import AuthError

UNITS = "(|(objectClass=organizationalUnit)(objectClass=organization)(objectClass=locality)(objectClass=dcObject))"
MANAGE = "2.16.840.1.113730.3.4.2"
"""ManageDsaIT (RFC 3296): referrals are shown as the entries that they are."""
MOST = 1000
"""Units of which each read asks whether they show anything; more are not believed to be hidden."""
HELD = frozenset({"ntsecuritydescriptor"})
"""Attributes that entries must have and that are shown to nobody who does not ask for them."""
FEW = 5


def above(dn: str) -> str:
    """The name above, good enough to be compared with others of the same server."""
    return dn.partition(",")[2].casefold()


def hidden(connection: Connection, shape: Shape, seen: Iterable[str]) -> list[str]:
    """Units that have entries (hasSubordinates, X.501) of which the account sees none. ``seen``: what is above entries
    that were read. Directories without that attribute, as Active Directory, tell nothing."""
    if not shape.knows("hasSubordinates"):
        return []
    where = f"{connection.system}: {shape.base}"
    units = {shape.base: None} if _inhabited(connection, shape.base) else {}
    if shape.declared.scope != "one":
        condition = f"(&(hasSubordinates=TRUE){UNITS})"
        for entries, _ in connection.search(
            shape.base, "subtree", condition, ["1.1"], size=connection.settings.page_size, where=where
        ):
            units |= dict.fromkeys(dn for dn, _ in entries)
    known = {*seen, *(above(dn) for dn in units)}
    asked = [dn for dn in units if dn.casefold() not in known][:MOST]
    return [dn for dn in asked if not _shows(connection, dn, where)]


def _inhabited(connection: Connection, dn: str) -> bool:
    found = connection.entry(dn, ["hasSubordinates"])
    return found is not None and any(
        value == b"TRUE" for name, values in found[1].items() if name.lower() == "hassubordinates" for value in values
    )


def _shows(connection: Connection, dn: str, where: str) -> bool:
    size = 1 if connection.settings.page_size else None
    return any(entries for entries, _ in connection.search(dn, "one", ANY, ["1.1"], size=size, where=where))


def require_all(connection: Connection, shape: Shape, seen: Iterable[str]) -> None:
    """AuthError ``ldap.hidden`` where a whole read left units out."""
    if connection.settings.parts == "refuse" and (found := hidden(connection, shape, seen)):
        raise AuthError(
            "ldap.hidden", f"the account sees nothing of what is below {_several(found)}",
            where=f"{connection.system}: {shape.base}",
            hint="give it the right to read there, or narrow base:; parts: skip leaves such units out on purpose",
        )  # fmt: skip


def referrals(connection: Connection, shape: Shape) -> list[str]:
    """Addresses of what is below the base, and in other directories; as far as they are entries of this one."""
    if not connection.knows(MANAGE):
        return []
    found: list[str] = []
    for entries, _ in connection.search(
        shape.base, shape.declared.scope, "(objectClass=referral)", ["ref"], size=connection.settings.page_size,
        controls=[Plain(MANAGE)], where=f"{connection.system}: {shape.base}",
    ):  # fmt: skip
        found += [one.decode("utf-8", "replace") for _, values in entries for one in _of(values, "ref")]
    return found


def unreadable(connection: Connection, shape: Shape, entries: Sequence[Entry]) -> list[str]:
    """Attributes that the given entries must have by their classes, or are known by, and do not show."""
    lacking: dict[str, None] = {}
    for _, values in entries:
        there = {name.partition(";")[0].lower() for name in values}
        classes = [one.decode("utf-8", "replace") for one in _of(values, "objectClass")]
        must, _ = connection.schema.attribute_types(classes, raise_keyerror=0)
        for one in [connection.settings.id, *shape.resource().key, "objectClass"]:
            if one.lower() not in there and shape.knows(one):
                lacking[one] = None
        for kind in must.values():
            names = [str(name) for name in kind.names] if isinstance(kind, AttributeType) else []
            shown = {name.lower() for name in names}
            if names and not shown & (there | HELD) and not any(is_secret(name) for name in names):
                lacking[names[0]] = None
    return list(lacking)


def _of(values: dict[str, list[bytes]], name: str) -> list[bytes]:
    return next((several for known, several in values.items() if known.lower() == name.lower()), [])


def _several(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
