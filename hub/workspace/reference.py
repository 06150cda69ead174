"""The reference pages of the workspace's files, of the connectors and of the failpoints.

python -m hub.workspace.reference docs/reference

They are read out of what the loader itself validates with: the JSON Schemas of the shapes and Specs.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel

from hub.contract import Spec
from hub.failpoints import POINTS
from hub.workspace.connectors import Connectors, ProfileFile, shipped
from hub.workspace.roles import RolesFile
from hub.workspace.shape import (
    CodesFile,
    EnvironmentFile,
    HubFile,
    MappingFile,
    ModelFile,
    SystemFile,
    TestCase,
)
from hub.workspace.sso import ClientFile

KINDS: Final[Mapping[str, tuple[str, type[BaseModel]]]] = {
    "The hub": ("config/hub.yaml", HubFile),
    "Systems": ("config/systems/NAME.yaml", SystemFile),
    "Models": ("config/models/NAME.yaml", ModelFile),
    "Code lists": ("config/codes/NAME.yaml", CodesFile),
    "Clients": ("config/clients/NAME.yaml", ClientFile),
    "Roles": ("config/roles.yaml", RolesFile),
    "Mappings": ("mappings/NAME.yaml", MappingFile),
    "Tests of mappings": ("mappings/NAME.test.yaml", TestCase),
    "Environments": ("config/environments/NAME.yaml", EnvironmentFile),
    "Profiles": ("connectors/profiles/NAME.yaml", ProfileFile),
}
MADE: Final = "Written by `python -m hub.workspace.reference docs/reference`; a test compares.\n"
PREFACE: Final = f"""# Files of a workspace

Every key of every kind of file: what it takes, what holds without it, what it means. A key of an object
inside of another is written with a dot, one inside of a list with `[]`, one below a name of your own with
`NAME`. Unknown keys are findings of `cophub check`; `cophub schema` writes the same as JSON Schemas, for
editors.

{MADE}"""
PATTERNS: Final = {
    r"^\d+(ms|s|m|h|d)$": "duration",
    r"^\d+(ms|s|m|h)$": "duration",
    r"^\d+(\.\d+)?(ms|s|m|h|d)$": "duration",
    r"^\d+(\.\d+)?%?$": "count or percentage",
    r"^(\d+(\.\d+)?%?|off)$": "count, percentage or off",
    "^secret://": "`secret://` reference",
    r"^[a-z][a-z0-9_-]{0,62}$": "name",
    r"^[a-z][a-z0-9_]{0,62}$": "name",
}
WORDS: Final = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
HEAD: Final = "| key | takes | without it | meaning | for example |\n|---|---|---|---|---|\n"
MEGABYTE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class _Key:
    """One row: a key with its part of the schema."""

    name: str
    part: Mapping[str, Any]
    needed: bool


def files_page() -> str:
    """``files.md``: every kind of file."""
    parts = [PREFACE]
    for title, (place, shape) in KINDS.items():
        parts.append(f"\n## {title}\n\n`{place}`. {_prose(shape)}\n\n{_table(shape.model_json_schema())}")
        if shape is SystemFile:
            parts.append(
                "\nThe keys of the connectors: "
                + ", ".join(f"[{name}](connector-{name}.md)" for name in shipped().connectors())
                + ". Besides, `notes` takes a text for people that the hub does not read.\n"
            )
    return "".join(parts)


def connector_page(spec: Spec, connectors: Connectors) -> str:
    """``connector-NAME.md``: settings, resources and profiles of one connector."""
    does = " and ".join(
        word
        for word, there in (("reads", spec.reads), ("writes", spec.writes), ("is pushed to", spec.pushed))
        if there
    )
    batch = f", at most {spec.batch} changes per call" if spec.writes else ""
    parts = [
        f"# Connector {spec.name}: {spec.title}\n\n{spec.summary} It {does}{batch}.\n\n{MADE}",
        f"\n```yaml\n{spec.example.strip()}\n```\n",
        "\n## Keys of the system\n\nBeside those of [every system](files.md#systems).\n\n",
        _table(spec.settings.model_json_schema()),
        "\n## Keys of a resource\n\nBelow `resources: {NAME: …}`.\n\n",
        _table(spec.resource.model_json_schema()),
    ]
    for name in connectors.profiles():
        profile = connectors.profile(name)
        if profile is not None and profile.connector == spec.name:
            parts += _profile(profile)
    return "".join(parts)


def failpoints_page() -> str:
    """``failpoints.md``."""
    manual = (inspect.getdoc(sys.modules["hub.failpoints"]) or "").replace("``", "`")
    rows = "".join(f"| `{name}` | {text} |\n" for name, text in POINTS.items())
    table = f"| failpoint | where it is |\n|---|---|\n{rows}"
    return f"# Failpoints\n\n{_blocks(manual)}\n\nFor tests only. {MADE}\n{table}"


def pages() -> dict[str, str]:
    """All pages by file name."""
    connectors = shipped()
    made = {"files.md": files_page(), "failpoints.md": failpoints_page()}
    for name in connectors.connectors():
        spec = connectors.spec(name)
        if spec is not None:
            made[f"connector-{name}.md"] = connector_page(spec, connectors)
    return made


def _profile(profile: ProfileFile) -> Iterator[str]:
    title = profile.title if isinstance(profile.title, str) else profile.title.get("en", profile.profile)
    yield f"\n## Profile {profile.profile}: {title}\n\n`connector: {profile.profile}`. {profile.notes}\n"
    if profile.rights:
        yield f"\nRights of the hub's user: {profile.rights}\n"
    if profile.docs:
        yield f"\nThe product's own documentation: <{profile.docs}>\n"
    if profile.resources:
        listed = ", ".join(f"`{name}`" for name in profile.resources)
        yield f"\nResources it brings: {listed}; others are written below `resources:` as always.\n"


def _prose(shape: type[BaseModel]) -> str:
    """A docstring's text behind the place it begins with."""
    text = " ".join((inspect.getdoc(shape) or "").split()).replace("``", "`")
    text = text.partition("`: ")[2] if text.startswith("`") else text
    return text[:1].upper() + text[1:]


def _blocks(text: str) -> str:
    """Indented lines become code."""
    lines = []
    for line in text.replace("::", ":").split("\n"):
        lines.append(f"```text\n{line.strip()}\n```" if line.startswith("    ") else line)
    return "\n".join(lines[2:])


def _table(schema: Mapping[str, Any]) -> str:
    definitions = schema.get("$defs", {})
    return HEAD + "".join(_row(key, definitions) for key in _keys(schema, definitions, "", ()))


def _keys(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], prefix: str, above: tuple[str, ...]
) -> Iterator[_Key]:
    for name, part in schema.get("properties", {}).items():
        yield _Key(prefix + name, part, name in schema.get("required", ()))
        for reference, mark in _objects(part):
            if reference not in above:
                inner = definitions[reference]
                yield from _keys(inner, definitions, f"{prefix}{name}{mark}.", (*above, reference))


def _objects(part: Mapping[str, Any], mark: str = "") -> Iterator[tuple[str, str]]:
    """Names of the objects a key takes, and how their place is written: nothing, ``[]`` or ``.NAME``."""
    if "$ref" in part:
        yield part["$ref"].rpartition("/")[2], mark
    for word in ("anyOf", "oneOf", "allOf"):
        for choice in part.get(word, ()):
            yield from _objects(choice, mark)
    if isinstance(part.get("items"), dict):
        yield from _objects(part["items"], f"{mark}[]")
    if inner := _below(part):
        yield from _objects(inner, f"{mark}.NAME")


def _below(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """What stands below names of one's own; empty where there are none."""
    inner = part.get("additionalProperties")
    if isinstance(inner, dict):
        return inner
    patterns: list[Mapping[str, Any]] = list(part.get("patternProperties", {}).values())
    return patterns[0] if patterns else {}


def _row(key: _Key, definitions: Mapping[str, Any]) -> str:
    examples = key.part.get("examples") or [None]
    cells = (
        f"`{key.name}`",
        _takes(key.part, definitions),
        "must be given" if key.needed else _default(key.part),
        " ".join(str(key.part.get("description", "")).split()),
        f"`{_inline(examples[0])}`" if examples[0] is not None else "",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _takes(part: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """What a key takes, in words."""
    if "$ref" in part:
        inner = definitions[part["$ref"].rpartition("/")[2]]
        return "an object" if inner.get("type") == "object" else _takes(inner, definitions)
    for word in ("anyOf", "oneOf", "allOf"):
        if word in part:
            texts = [_takes(choice, definitions) for choice in part[word] if choice.get("type") != "null"]
            return " or ".join(dict.fromkeys(texts))
    if "enum" in part:
        return ", ".join(f"`{choice}`" for choice in part["enum"])
    if "const" in part:
        return f"`{part['const']}`"
    if part.get("type") == "array":
        many = part.get("items") or (part.get("prefixItems") or [{}])[0]
        return f"list: {_takes(many, definitions)}" if many else "list"
    if part.get("type") == "object":
        inner = _below(part)
        return f"by name: {_takes(inner, definitions)}" if inner else "an object"
    if part.get("pattern") in PATTERNS:
        return PATTERNS[part["pattern"]]
    return WORDS.get(str(part.get("type")), "any value")


def _default(part: Mapping[str, Any]) -> str:
    value = part.get("default")
    if value in (None, "", [], {}):
        return ""
    kind = str(part.get("type"))
    if kind == "string" and isinstance(value, int | float):  # kept as a number, written with its unit
        return f"`{value // MEGABYTE}MB`" if value >= MEGABYTE else f"`{value:g}s`"
    if isinstance(value, dict):
        value = {name: item for name, item in value.items() if item not in (None, "", [], {})}
    return f"`{_inline(value)}`" if value not in ({}, []) else ""


def _inline(value: Any) -> str:
    """A value as YAML on one line; a text as it is written alone."""
    if isinstance(value, str):
        return value
    text = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=sys.maxsize
    )
    return text.removesuffix("\n").removesuffix("\n...")


def main(folder: Path) -> None:
    """Write all pages."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
