"""Drafts of a workspace's files from what a system was found to offer: its resources, a model and a mapping each.

What was concluded stands in the files as a comment beside it. Levels are proposed by name where a name says
something; the rest is left out, so that ``cophub check`` names it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.contract import Field
from hub.doctor.discovery import Discovered
from hub.errors import ConfigError
from hub.workspace.yaml import read

MOST_FIELDS: Final = 80
PLAIN: Final = re.compile(r"[A-Za-z_][\w./-]*")
WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
IDENTIFIER: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
TYPES: Final = {"float": "decimal", "time": "text"}
"""Types that models do not have, and what stands for them."""
LEVELS: Final = (
    (r"passport|ssn|social_?security|national_?id|id_?card|identity|证件|身份", "L4", "pi.identity"),
    (r"salary|wage|pay_?grade|工资|薪", "L4", "pi.finance"),
    (r"iban|bank_?account|account_?number|card_?number|银行|卡号", "L3", "pi.finance"),
    (r"birth|gender|sex$|marital|nationality|religion|生日|性别", "L3", "pi.person"),
    (r"phone|mobile|(^|_)tel|fax|mail|手机|电话|邮箱", "L3", "pi.contact"),
    (r"street|address|postal|zip|地址|邮编", "L3", "pi.contact"),
)
"""What names of fields say of their level: proposals only."""


@dataclass(frozen=True, slots=True)
class Draft:
    """New files by their path below the workspace, and what a person has to know of them."""

    files: Mapping[str, str]
    notes: tuple[str, ...] = ()


def draft(
    system: str, existing: str, found: Sequence[Discovered], mapped: Sequence[str], models: Sequence[str],
    mappings: Sequence[str],
) -> Draft:  # fmt: skip
    """The files for what was found. ``existing`` is the text of the system's file, ``mapped`` are the resources for
    which a model and a mapping are written; names in ``models`` and ``mappings`` are taken."""
    files = {f"config/systems/{system}.yaml": _with_resources(system, existing, found)}
    notes: list[str] = []
    taken, used = set(models), set(mappings)
    for one in found:
        if one.name not in mapped:
            continue
        fields = _fields(one)
        if not one.resource.key or not fields:
            notes.append(f"{system}.{one.name}: no mapping is written, because nothing is known to be its key")
            continue
        model = _free(singular(one.name), system, taken)
        mapping = _free(f"{system}-{snake(one.name).replace('_', '-')}", "new", used)
        files[f"config/models/{model}.yaml"] = _model(model, system, one, fields)
        files[f"mappings/{mapping}.yaml"] = _mapping(mapping, model, system, one, fields)
    return Draft(files, tuple(notes))


def _free(name: str, prefix: str, taken: set[str]) -> str:
    """A name that nobody has, by a prefix if need be."""
    while name in taken:
        name = f"{prefix}_{name}" if "-" not in name else f"{name}-{prefix}"
    taken.add(name)
    return name


# ---------------------------------------------------------------- the system's file


def _with_resources(system: str, existing: str, found: Sequence[Discovered]) -> str:
    """The file as it is, with the new resources at the top of ``resources:``."""
    located, findings = read(existing, f"{system}.yaml")
    if located is None or not isinstance(located.value, dict):
        raise ConfigError("discover.file", f"config/systems/{system}.yaml cannot be read", findings=tuple(findings))
    known = located.value.get("resources")
    new = [one for one in found if not (isinstance(known, dict) and one.name in known)]
    if not new:
        return existing
    lines = existing.rstrip("\n").split("\n")
    indent = "  "
    if known:
        line = located.locate(("resources", "[key]"))[0]
        first, column = located.locate(("resources", next(iter(known)), "[key]"))
        if first == line:
            raise ConfigError(
                "discover.file", "resources: stands on one line, and nothing can be put into it",
                where=f"config/systems/{system}.yaml:{line}", hint="write its entries on lines of their own",
            )  # fmt: skip
        indent = " " * (column - 1)
        return "\n".join([*lines[:line], *_resources(new, indent), *lines[line:], ""])
    if "resources" in located.value:
        line = located.locate(("resources", "[key]"))[0]
        del lines[line - 1]
    return "\n".join([*lines, "resources:", *_resources(new, indent), ""])


def _resources(found: Sequence[Discovered], indent: str) -> Iterator[str]:
    for one in found:
        yield from (f"{indent}# {_flat(text)}" for text in one.open)
        options = dict(one.options)
        if not options:
            yield f"{indent}{_text(one.name)}: {{}}{_why(one, 'key')}"
            continue
        yield f"{indent}{_text(one.name)}:"
        if "key" in one.reasons and "key" not in options:
            yield f"{indent}  # key: {_flat(one.reasons['key'])}"
        for name, value in options.items():
            if isinstance(value, Mapping) and len(value) > 3:
                yield f"{indent}  {name}:{_why(one, name)}"
                yield from (f"{indent}    {_text(str(key))}: {flow(inner)}" for key, inner in value.items())
            else:
                yield f"{indent}  {name}: {flow(value)}{_why(one, name)}"


def _why(one: Discovered, option: str) -> str:
    reason = one.reasons.get(option)
    return f"    # {_flat(reason)}" if reason else ""


# ---------------------------------------------------------------- model and mapping


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of the model and the source's field that fills it."""

    name: str
    source: Field


def _fields(one: Discovered) -> list[_Field]:
    """The fields of one value, the key's first; names of the model's own kind, each once."""
    plain = [field for field in one.resource.fields if not field.many and not field.fields
             and field.type not in ("json", "binary")]  # fmt: skip
    by_name = {field.name: field for field in plain}
    keys = [by_name.get(name, Field(name)) for name in one.resource.key]
    made: list[_Field] = []
    taken: set[str] = set()
    for field in [*keys, *(each for each in plain if each.name not in one.resource.key)]:
        name = snake(field.name)
        while name in taken:
            name += "_2"
        taken.add(name)
        made.append(_Field(name, field))
    return made[:MOST_FIELDS]


def _model(model: str, system: str, one: Discovered, fields: Sequence[_Field]) -> str:
    keys = [each.name for each in fields if each.source.name in one.resource.key]
    wide = max(len(each.name) for each in fields) + 1
    lines = [
        f"# drafted from {system}.{one.name}: take out what nobody needs, and give fields the names of your language",
        f"model: {model}",
        *([f"title: {json.dumps(one.resource.title, ensure_ascii=False)}"] if one.resource.title else []),
        "# level: L1    # of all fields that name none; write it once you have looked at each of them",
        f"key: [{', '.join(keys)}]",
        "fields:",
    ]
    for each in fields:
        said, remark = [f"type: {TYPES.get(each.source.type, each.source.type)}"], ""
        if each.name in keys:
            said.append("required: true")
        if each.source.max_length and each.source.type == "text":
            said.append(f"max_length: {each.source.max_length}")
        if found := proposed_level(each.name):
            said += [f"level: {found[0]}", f"class: {found[1]}"]
            remark = "    # level proposed by its name"
        if each.source.title and each.source.title != each.source.name:
            said.append(f"title: {json.dumps(_flat(each.source.title), ensure_ascii=False)}")
        lines.append(f"  {each.name + ':':<{wide}} {{{', '.join(said)}}}{remark}")
    return "\n".join([*lines, ""])


def proposed_level(name: str) -> tuple[str, str] | None:
    """Level and class that a name speaks for.

    >>> proposed_level("mobile_phone"), proposed_level("name")
    (('L3', 'pi.contact'), None)
    """
    return next(((level, kind) for pattern, level, kind in LEVELS if re.search(pattern, name.lower())), None)


def _mapping(mapping: str, model: str, system: str, one: Discovered, fields: Sequence[_Field]) -> str:
    keys = [each.name for each in fields if each.source.name in one.resource.key]
    wide = max(len(each.name) for each in fields) + 1
    whole = [f"  {each.name + ':':<{wide}} {_quoted(expression(each.source.name))}" for each in fields]
    cursor = one.resource.cursor
    often = "" if cursor else "; without a cursor everything is read each time"
    lines = [
        f"mapping: {mapping}",
        f"from: {system}.{one.name}" if PLAIN.fullmatch(one.name) else f"from: {_quoted(f'{system}.{one.name}')}",
        f"into: {model}",
        "match:",
        f"  - [{', '.join(keys)}]",
        "fields:",
        *whole,
        *(f"  # {_flat(each.name)}: {_left_out(each)}" for each in one.resource.fields if _is_left_out(each)),
        "unmatched: review    # nothing is made until you write create",
        f"schedule: manual     # or {{every: 15m}}{often}",
    ]
    if cursor and next((each.type for each in one.resource.fields if each.name == cursor), "") == "date":
        lines.append("overlap: 1d           # the cursor tells the day only")
    return "\n".join([*lines, ""])


def _is_left_out(field: Field) -> bool:
    return field.many or bool(field.fields) or field.type in ("json", "binary")


def _left_out(field: Field) -> str:
    if field.many and field.fields:
        return f"a list of objects; each: {field.name} as item makes one output per element"
    if field.fields:
        return f"an object; its fields are {field.name}.{field.fields[0].name} and the like"
    return "a list of values" if field.many else f"not mapped ({field.type})"


def expression(name: str) -> str:
    """A source's field as an expression.

    >>> expression("Name"), expression("meta.lastModified"), expression("Employee No")
    ('Name', 'meta.lastModified', '"Employee No"')
    """
    return name if IDENTIFIER.fullmatch(name) and name.lower() not in RESERVED else f'"{name}"'


RESERVED: Final = frozenset({
    "all", "and", "any", "as", "asc", "between", "by", "case", "cast", "check", "column", "create",
    "cross", "current", "date", "default", "desc", "distinct", "else", "end", "except", "exists", "false",
    "for", "foreign", "from", "full", "grant", "group", "having", "in", "inner", "intersect", "interval",
    "into", "is", "join", "left", "like", "limit", "not", "null", "offset", "on", "or", "order", "outer",
    "primary", "references", "right", "select", "set", "some", "table", "then", "time", "timestamp", "to",
    "true", "union", "unique", "update", "user", "using", "value", "values", "when", "where", "window",
    "with",
})  # fmt: skip
"""Words that SQL takes for its own."""


# ---------------------------------------------------------------- names and texts


def snake(name: str) -> str:
    """A name as models have them.

    >>> snake("BusinessPartnerFullName"), snake("TaxNumber1"), snake("工号"), snake("meta.lastModified")
    ('business_partner_full_name', 'tax_number1', 'field_5de5_53f7', 'meta_last_modified')
    """
    spelled = "".join(one if one.isascii() else f"_{ord(one):x}_" for one in name)
    spelled = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", spelled)
    made = re.sub(r"[^a-z0-9]+", "_", spelled.lower()).strip("_")
    if not made or not made[0].isalpha() or not name[:1].isascii():
        made = f"field_{made}".rstrip("_")
    return made[:60]


def singular(name: str) -> str:
    """
    >>> singular("A_BusinessPartner"), singular("employees"), singular("sales.Companies"), singular("status")
    ('business_partner', 'employee', 'company', 'status')
    """
    made = re.sub(r"^[a-z]_", "", snake(name.rpartition(".")[2]))
    if made.endswith("ies") and len(made) > 4:
        return f"{made[:-3]}y"
    return made[:-1] if made.endswith("s") and not made.endswith(("ss", "us", "is")) and len(made) > 3 else made


def flow(value: Any) -> str:
    """A value on one line of YAML."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(str(name))}: {flow(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(one) for one in value) + "]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(value: str) -> str:
    plain = PLAIN.fullmatch(value) and value.lower() not in WORDS
    return value if plain else json.dumps(value, ensure_ascii=False)


def _quoted(text: str) -> str:
    return text if PLAIN.fullmatch(text) and text.lower() not in WORDS else f"'{text.replace(chr(39), chr(39) * 2)}'"


def _flat(text: str) -> str:
    """A text that stays within its comment, or its line."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:200]
