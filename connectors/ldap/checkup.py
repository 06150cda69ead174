"""The steps of checking a directory."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping
from functools import partial
from socket import socket
from urllib.parse import urlsplit

from connectors.ldap.connection import Connection
from connectors.ldap.reading import Reader
from connectors.ldap.schema import Shape
from connectors.ldap.settings import LdapSettings
from connectors.ldap.sight import FEW, hidden, referrals, require_all, unreadable
from hub.contract import Context
from hub.doctor.endpoint import Endpoint, Trust
from hub.doctor.steps import Said, Step, clocks, skipped, warned
from hub.errors import ConfigError

STARTTLS = b"0\x1d\x02\x01\x01w\x18\x80\x161.3.6.1.4.1.1466.20037"
"""The extended request of RFC 4511 §4.14.1."""
PORTS = {"ldap": 389, "ldaps": 636}
PAGED, SYNC, DIRSYNC, ASSERTION = (
    "1.2.840.113556.1.4.319", "1.3.6.1.4.1.4203.1.9.1.1", "1.2.840.113556.1.4.841", "1.3.6.1.1.12",
)  # fmt: skip
_NEEDED = {"syncrepl": (SYNC, "syncrepl (RFC 4533)"), "dirsync": (DIRSYNC, "DirSync")}
Shaped = Callable[[str], Shape]


def steps(context: Context, connection: Connection, resources: Mapping[str, Shaped]) -> list[Step]:
    """``dns`` to ``tls`` of the first address, the log-in, what the directory says of itself, each resource."""
    urls = connection.settings.url.split()
    several = len(urls) > 1
    made = [
        step
        for url in urls
        for step in _endpoint(context, connection.settings, url).steps(str(urlsplit(url).hostname) if several else "")
    ]
    made += [
        # of several addresses one is enough
        Step("authentication", partial(_bind, connection), () if several else ("tls",)),
        Step("root DSE", partial(_root, connection), ("authentication",)),
        Step("clock", partial(_clock, context, connection), ("root DSE",)),
        Step("controls", partial(_controls, connection, resources), ("root DSE",)),
    ]
    for name, shape in resources.items():
        made.append(Step(f"read {name}", partial(_read, connection, shape, name), ("authentication",)))
        made.append(Step(f"rights {name}", partial(_rights, connection, shape, name), (f"read {name}",)))
        made.append(Step(f"write {name}", partial(_write, connection, shape, name), (f"read {name}",)))
    return made


def _endpoint(context: Context, settings: LdapSettings, url: str) -> Endpoint:
    parts = urlsplit(url)
    trust = Trust.of(settings.tls, context.folder) if settings.encrypted else None
    return Endpoint(
        parts.hostname or "", parts.port or PORTS[parts.scheme], timeout=settings.timeout,
        now=context.now or time.time, trust=trust, starts=_start if parts.scheme == "ldap" else None,
    )  # fmt: skip


def _start(made: socket) -> None:
    """StartTLS; the answer is an ExtendedResponse (tag 0x78) with resultCode 0."""
    made.sendall(STARTTLS)
    said = made.recv(4096)
    if b"\x78" not in said or b"\x0a\x01\x00" not in said:
        raise ConfigError(
            "tls.starttls", "the directory does not begin encryption on this port",
            hint="use ldaps://, or have the directory's owner give it a certificate",
        )  # fmt: skip


def _bind(connection: Connection) -> str:
    connection.open()
    who = connection.settings.username
    return f"{who} is logged in" if who else "the directory takes the hub as nobody"


def _root(connection: Connection) -> Said | str:
    if not connection.root:
        return warned(
            "ldap.root", "the directory shows nothing of itself to this account",
            "let the account read the root DSE; the hub cannot tell what the directory knows",
        )  # fmt: skip
    kind = "Active Directory" if connection.active_directory else "LDAP directory"
    contexts = connection.root.get("namingcontexts", [])
    name = connection.first("vendorName") or kind
    base = connection.settings.base.lower()
    if contexts and not any(base.endswith(one.lower()) for one in contexts):
        return warned(
            "ldap.context", f"{name}; base: {connection.settings.base} is below none of {', '.join(contexts[:4])}",
            "mend base: of the system",
        )  # fmt: skip
    return f"{name}; it holds {', '.join(contexts[:4]) or 'what it does not tell'}"


def _clock(context: Context, connection: Connection) -> Said:
    told = connection.first("currentTime")
    if not told:
        return skipped("the directory does not tell its time (Active Directory does)")
    theirs = dt.datetime.strptime(told[:14], "%Y%m%d%H%M%S").replace(tzinfo=dt.UTC)
    return clocks((context.now or time.time)(), theirs.timestamp(), "the directory")


def _controls(connection: Connection, resources: Mapping[str, Shaped]) -> Said | str:
    """What the hub would use: pages, ways to follow changes, changes that hold only where nothing changed since."""
    lacking = []
    if connection.settings.page_size and not connection.knows(PAGED):
        lacking.append(("pages (RFC 2696)", "page_size: null"))
    for name, shape in resources.items():
        control, words = _NEEDED.get(shape(name).declared.sync or "", ("", ""))
        if control and not connection.knows(control):
            lacking.append((f"{words}, by which {name} is followed", "another sync:, or cursor:"))
    if lacking:
        return warned(
            "ldap.controls", f"the directory does not say that it knows {'; '.join(one for one, _ in lacking)}",
            f"declare {'; '.join(hint for _, hint in lacking)}; or have the directory's owner switch it on",
        )  # fmt: skip
    known = [word for control, word in (
        (PAGED, "pages"), (SYNC, "syncrepl"), (DIRSYNC, "DirSync"), (ASSERTION, "assertions"),
    ) if connection.knows(control)]  # fmt: skip
    return f"it knows {', '.join(known) or 'none that the hub would use'}"


def _read(connection: Connection, shaped: Shaped, name: str) -> str:
    shape = shaped(name)
    entries, _ = next(Reader(connection, shape).search(shape.condition, ["1.1"], 2))
    return "entries are there" if entries else "there is no entry"


def _rights(connection: Connection, shaped: Shaped, name: str) -> Said | str:
    """Whether the account sees everything that it is to read, as far as the directory lets that be told."""
    shape = shaped(name)
    if found := referrals(connection, shape):
        told = f"parts below {shape.base} are in other directories, which are not followed: {', '.join(found[:3])}"
        if connection.settings.parts == "skip":
            return warned("ldap.referral", told, "nothing, where they are meant to be left out, as parts: skip says")
        raise ConfigError(
            "ldap.referral", told,
            hint="narrow base:, and name the other server as a system of its own; parts: skip leaves them out",
        )  # fmt: skip
    require_all(connection, shape, ())
    if found := hidden(connection, shape, ()):
        return warned(
            "ldap.hidden", f"the account sees nothing of what is below {', '.join(found[:3])}",
            "give it the right to read there; or nothing, where they are meant to be left out, as parts: skip says",
        )  # fmt: skip
    entries, _ = next(Reader(connection, shape).search(shape.condition, ["*", connection.settings.id], FEW))
    if lacking := unreadable(connection, shape, entries[:FEW]):
        return warned(
            "rights.read", f"the account may not read {', '.join(lacking)}, which every entry has",
            "give it the right to read and search these attributes: what is not shown looks as if it were empty",
        )  # fmt: skip
    if not shape.knows("hasSubordinates"):
        return skipped("attributes are shown; this directory does not tell of entries that it hides: declare canaries:")
    return "no unit below base hides what it has, and entries show what they must have"


def _write(connection: Connection, shaped: Shaped, name: str) -> Said | str:
    """Active Directory computes what this account may do to an entry ([MS-ADTS] 3.1.1.4.5.17)."""
    shape = shaped(name)
    if shape.declared.write is None:
        return skipped("no write: is declared")
    if not connection.active_directory:
        return skipped("cannot be asked without writing: this directory does not tell rights")
    found = connection.entry(shape.base, ["allowedChildClassesEffective", "allowedAttributesEffective"])
    told = {one.lower(): [value.decode() for value in values] for one, values in (found[1] if found else {}).items()}
    wanted = (shape.declared.write.object_class or shape.declared.object_class or [name])[-1]
    children = {one.lower() for one in told.get("allowedchildclasseseffective", [])}
    if wanted.lower() in children:
        return f"this account may make {wanted} entries below {shape.base}"
    return warned(
        "rights.write", f"this account may not make {wanted} entries below {shape.base}",
        "delegate the right to create and change them there to the account, or write to another place",
    )  # fmt: skip
