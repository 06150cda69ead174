"""What a directory holds: the classes of its entries, counted in a sample, with the attributes that they have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from connectors.ldap.checkup import DIRSYNC, SYNC
from connectors.ldap.connection import ANY, Connection, Entry
from connectors.ldap.schema import Shape
from connectors.ldap.settings import LdapResource, is_secret
from hub.contract import Field, Resource
from hub.doctor.discovery import SAMPLE, Discovered
from hub.errors import ConfigError

_NOISE = frozenset({"top", "domain", "domaindns", "builtindomain", "container", "lostandfound", "msds-"})
Shaped = Callable[[str, LdapResource], Shape]


def discovered(connection: Connection, names: Sequence[str], shaped: Shaped) -> list[Discovered]:
    """The most particular class of each entry of a sample, the most frequent first; or classes that are named."""
    settings = connection.settings
    found: Counter[str] = Counter()
    of_class: dict[str, list[Entry]] = {}
    condition = f"(|{''.join(f'(objectClass={name})' for name in names)})" if names else ANY
    read = 0
    for entries, _ in connection.search(settings.base, "subtree", condition, ["*"], size=settings.page_size):
        for entry in entries:
            kinds = [one.decode("utf-8", "replace") for one in entry[1].get("objectClass", [])]
            wanted = next((name for name in names if name in kinds), None) or _particular(connection, kinds)
            if wanted and wanted.lower() not in _NOISE:
                found[wanted] += 1
                of_class.setdefault(wanted, []).append(entry)
        read += len(entries)
        if read >= 20 * SAMPLE:
            break
    if missing := [name for name in names if name not in found]:
        raise ConfigError(
            "discover.nothing", f"no entry below {settings.base} has the class {missing[0]}",
            hint="name another class, or mend base:",
        )  # fmt: skip
    return [
        _one(connection, name, shaped, of_class[name][:SAMPLE], number) for name, number in found.most_common(40)
    ]


def _particular(connection: Connection, kinds: Sequence[str]) -> str | None:
    """The structural class that no other one of the entry is made from."""
    schema, above = connection.schema, set[str]()
    known = [found for kind in kinds if (found := _class(schema, kind)) is not None and found.kind == 0]
    for one in known:
        above |= {name.lower() for name in one.sup}
    left = [one.names[0] for one in known if one.names and not {name.lower() for name in one.names} & above]
    return left[-1] if left else None


def _class(schema: Any, name: str) -> Any:
    from ldap.schema import ObjectClass  # noqa: PLC0415 - python-ldap is an extra

    return schema.get_obj(ObjectClass, name)


def _one(
    connection: Connection, name: str, shaped: Shaped, entries: Sequence[Entry], number: int
) -> Discovered:
    settings = connection.settings
    shape = shaped(name, LdapResource.model_validate({"object_class": name}))
    used = Counter(attribute for _, values in entries for attribute in values if not is_secret(attribute))
    many = {attribute for _, values in entries for attribute, several in values.items() if len(several) > 1}
    known = {one.name.lower(): one for one in shape.resource().fields}
    fields = []
    for attribute, _ in used.most_common():
        one = known.get(attribute.partition(";")[0].lower())
        if one is not None and one.name.lower() != "objectclass":
            fields.append(Field(one.name, one.type, attribute in many))
    names = {one.name.lower() for one in fields}
    fields = [Field(settings.id), *[one for one in fields if one.name.lower() != settings.id.lower()]]
    options: dict[str, Any] = {"object_class": name}
    reasons = {"object_class": f"{number} entries were seen"}
    if connection.knows(SYNC):
        options["sync"], reasons["sync"] = "syncrepl", "the directory tells changes and deletions by it"
    elif connection.knows(DIRSYNC):
        options["sync"] = "usn"
        reasons["sync"] = "by uSNChanged and tombstones; dirsync for an account that may replicate"
    options["fields"] = {one.name: [one.type] if one.many else one.type for one in fields}
    if missing := [one for one in ("uid", "sAMAccountName", "cn") if one.lower() in names]:
        reasons["fields"] = f"as used in {len(entries)} entries; {missing[0]} is what people know an entry by"
    key = (settings.id,)
    lacking = (f"the key is {settings.id}, which never changes",)
    return Discovered(Resource(name, key, None, tuple(fields), deletes="sync" in options), options, reasons, lacking)
