"""The files of an import: a profile with the resources, and a system that stands on it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hub.errors import ConfigError, HubError
from hub.untrusted import parse_json
from hub.workspace.airbyte.translating import Imported
from hub.workspace.draft import flow
from hub.workspace.yaml import MAX_BYTES

DEPTH: Final = 4
_TYPES: Final = {"integer": "integer", "number": "decimal", "boolean": "boolean", "string": "text"}
_FORMATS: Final = {"date-time": "datetime", "date": "date"}


def with_fields(made: Imported, folder: Path) -> None:
    """Fields by the JSON Schemas beside the manifest, and a key where none is named and a field is called id."""
    for name, resource in made.resources.items():
        fields = _schema(folder, name)
        resource |= {"fields": fields} if fields else {}
        if "key" in resource:
            continue
        if fields.get("id") in ("integer", "text"):
            resource["key"] = "id"
            made.note(f"resources.{name}", "no key is named, id is proposed", "make sure that no two records share it")
        else:
            made.note(f"resources.{name}", "no key is named", "write key: of it; without one no exchange reads it")


def _schema(folder: Path, name: str) -> dict[str, Any]:
    path = folder / "schemas" / f"{name}.json"
    if not re.fullmatch(r"\w{1,80}", name) or not path.is_file() or path.stat().st_size > MAX_BYTES:
        return {}
    try:
        found = parse_json(path.read_bytes(), dict[str, Any], where=path.name)
    except HubError as error:
        message = f"{path.name} is no JSON: {error.message}"
        raise ConfigError("import.schema", message, hint="mend or remove it") from None
    return _fields(found, 0)


def _fields(schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return {}
    return {str(name): _field(inner, depth) for name, inner in properties.items() if "." not in str(name)}


def _field(schema: Any, depth: int) -> Any:
    if not isinstance(schema, dict):
        return "json"
    said = schema.get("type")
    kind = next((one for one in said if one != "null"), "") if isinstance(said, list) else said
    if kind == "array":
        return [_field(schema.get("items") or {}, depth + 1)]
    if kind == "object":
        return (_fields(schema, depth + 1) if depth < DEPTH else {}) or "json"
    return _FORMATS.get(str(schema.get("format"))) or _TYPES.get(str(kind), "json")


def profile_text(made: Imported, name: str, source: str) -> str:
    """The profile's file."""
    lines = [f"# imported from {flow(source)} by cophub import airbyte; what is not carried over is listed at the end",
             f"profile: {name}", "connector: rest", f"title: {flow(name)}", "resources:"]  # fmt: skip
    for title, resource in made.resources.items():
        lines.append(f"  {flow(title)}:")
        lines += [f"    {option}: {flow(value)}" for option, value in resource.items()]
    lines += [f"# {one.path}: {' '.join(one.why.split())}; {' '.join(one.hint.split())}" for one in made.notes]
    return "\n".join([*lines, ""])


def system_text(made: Imported, name: str) -> str:
    """The system's file."""
    lines = [f"system: {name}", f"connector: {name}", f"url: {flow(made.url)}"]
    lines += [f"auth: {flow(made.auth)}    # cophub secrets set for each"] if made.auth else []
    return "\n".join([*lines, ""])
