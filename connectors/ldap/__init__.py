"""LDAP directories: OpenLDAP, Active Directory and their like (RFC 4510), by python-ldap.

Entries are read by pages, by what changed, or by the protocols that tell deletions as well: syncrepl (RFC 4533),
DirSync and tombstones of Active Directory. Attributes and their types come from the directory's schema.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from typing import Any

from connectors.ldap.settings import LdapResource, LdapSettings, describe_declared
from hub.contract import Context, Resource, Spec
from hub.errors import ConfigError

CHUNK = 50
"""Keys in one look-up."""


def open_(context: Context, settings: LdapSettings, resources: Mapping[str, LdapResource]) -> Any:
    """A ``directory.Ldap``; python-ldap is an extra, and lint of a workspace needs none."""
    if importlib.util.find_spec("ldap") is None:
        raise ConfigError(
            "ldap.missing", "python-ldap is not installed", where=context.system,
            hint="install cophub[ldap]; building it needs gcc and the headers of OpenLDAP, Cyrus SASL and Python",
        )  # fmt: skip
    return importlib.import_module("connectors.ldap.directory").Ldap(context, settings, resources)


def describe(
    context: Context, settings: LdapSettings, name: str, declared: LdapResource | None
) -> Resource | None:
    """The resource where its fields are declared; the rest is in the directory's schema."""
    return describe_declared(settings, name, declared) if declared and declared.fields else None


def requests(settings: LdapSettings, kind: str, count: int) -> int:
    """A look-up of many keys is one search; a change is looked up, and written."""
    looked = -(-count // CHUNK)
    return looked if kind == "find" else looked + count


SPEC = Spec(
    name="ldap",
    title="LDAP and Active Directory",
    summary="Reads and writes entries of LDAP directories; changes and deletions by syncrepl, DirSync, uSNChanged "
    "or modifyTimestamp. Needs the extra cophub[ldap].",
    settings=LdapSettings,
    resource=LdapResource,
    open=open_,
    describe=describe,
    writes=True,
    proves=True,
    requests=requests,
    example="""\
system: directory
connector: ldap
url: ldaps://ldap.example.com
username: cn=hub,dc=example,dc=com
password: secret://directory/password
base: dc=example,dc=com
resources:
  person:
    object_class: inetOrgPerson
    base: ou=people,dc=example,dc=com
    sync: syncrepl
    fields: {entryUUID: text, uid: text, cn: text, sn: text, mail: text, telephoneNumber: [text], manager: text}
    write: {dn: "uid={uid},ou=people,dc=example,dc=com"}
""",
)
