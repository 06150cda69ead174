"""JSON Schemas (2020-12) of every file an integrator writes, for editors with a YAML language server.

They are made from the same declarations the loader validates with: the shapes, and the Specs of the
connectors. The schema of a system file depends on its ``connector``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from hub.contract import Spec
from hub.workspace.connectors import Connectors, ProfileFile, shipped
from hub.workspace.roles import RolesFile
from hub.workspace.shape import (
    RESOURCE_KEYS,
    CodesFile,
    EnvironmentFile,
    HubFile,
    MappingFile,
    ModelFile,
    SystemFile,
    TestCase,
)
from hub.workspace.sso import ClientFile

FILE_NAMES: Final = {
    "hub": "hub.schema.json",
    "system": "system.schema.json",
    "model": "model.schema.json",
    "client": "client.schema.json",
    "codes": "codes.schema.json",
    "roles": "roles.schema.json",
    "environment": "environment.schema.json",
    "mapping": "mapping.schema.json",
    "profile": "profile.schema.json",
    "test": "test.schema.json",
}
SHAPES: Final[dict[str, type[BaseModel]]] = {
    "hub": HubFile,
    "model": ModelFile,
    "client": ClientFile,
    "codes": CodesFile,
    "roles": RolesFile,
    "environment": EnvironmentFile,
    "mapping": MappingFile,
    "profile": ProfileFile,
}
DIALECT: Final = GenerateJsonSchema.schema_dialect


def schemas(connectors: Connectors | None = None) -> dict[str, dict[str, Any]]:
    """The schema of each kind of file: hub, system, model, codes, client, roles, environment, mapping, profile, test.

    Imports every connector; one that cannot be imported here is left out of the system schema's
    choices, not the whole schema.
    """
    made = {kind: shape.model_json_schema() for kind, shape in SHAPES.items()}
    made["test"] = TypeAdapter(list[TestCase]).json_schema()
    made["system"] = _system(connectors or shipped())
    return {
        kind: {"$schema": DIALECT, "title": f"COP Hub: {kind} file", **_without_titles(schema)}
        for kind, schema in sorted(made.items())
    }


def write_schemas(folder: Path | str, connectors: Connectors | None = None) -> list[Path]:
    """Write one file per kind into ``folder`` and answer their paths; same input, same bytes."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind, schema in schemas(connectors).items():
        path = target / FILE_NAMES[kind]
        path.write_text(json.dumps(schema, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        paths.append(path)
    return paths


def modeline(kind: str, depth: int) -> str:
    """The comment that names a file's schema; ``depth`` is how many folders the file is below the
    workspace.

    >>> modeline("system", 2)
    '# yaml-language-server: $schema=../../.cophub/schemas/system.schema.json'
    """
    return f"# yaml-language-server: $schema={'../' * depth}.cophub/schemas/{FILE_NAMES[kind]}"


def _system(connectors: Connectors) -> dict[str, Any]:
    """All keys of a system file, and for each connector or profile those of its settings."""
    whole = SystemFile.model_json_schema()
    whole["properties"]["notes"] = {"type": "string", "description": "For people; the hub does not read it"}
    whole.pop("additionalProperties", None)
    definitions: dict[str, Any] = {}
    required: dict[str, set[str]] = {}
    branches, names = [], []
    for name in connectors.names():
        try:
            spec = connectors.spec(name)
        except ImportError:
            continue
        if spec is None:
            continue
        names.append(name)
        profile = connectors.profile(name) if name not in connectors.connectors() else None
        if spec.name not in required:
            required[spec.name] = _define(spec, definitions)
        given = set(profile.settings) if profile else set()
        branches.append(_branch(name, spec.name, required[spec.name] - given, whole=not profile))
    whole["properties"]["connector"] = {**whole["properties"]["connector"], "enum": names}
    whole["$defs"] |= definitions
    whole["allOf"] = branches
    whole["unevaluatedProperties"] = False
    return whole


def _define(spec: Spec, definitions: dict[str, Any]) -> set[str]:
    """Put a connector's settings and resource entries under ``$defs``; answer the settings it needs.

    Settings stand open there: what a system file may hold besides is told by the file's own schema.
    An entry stands twice, since what a profile says of a resource is not asked for again.
    """
    settings = _moved(spec.settings, definitions, spec.name)
    settings.pop("additionalProperties", None)
    entry = _moved(spec.resource, definitions, spec.name)
    key = entry.get("properties", {}).get("key", {})
    if key.get("type") == "array":  # key: NO and key: [NO] are both written, in every connector
        entry["properties"]["key"] = {
            **{word: key[word] for word in key if word not in ("type", "items")},
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        }
    own = {name: {"$ref": f"#/$defs/ResourceEntry/properties/{name}"} for name in RESOURCE_KEYS}
    entry["properties"] = {**entry.get("properties", {}), **own}
    definitions[spec.name] = {key: value for key, value in settings.items() if key != "required"}
    definitions[f"{spec.name}_resource"] = entry
    definitions[f"{spec.name}_part"] = {key: value for key, value in entry.items() if key != "required"}
    return set(settings.get("required", ()))


def _branch(name: str, spec: str, required: set[str], *, whole: bool) -> dict[str, Any]:
    """What holds when ``connector`` is ``name``."""
    entry = f"#/$defs/{spec}_{'resource' if whole else 'part'}"
    then = {
        "$ref": f"#/$defs/{spec}",
        "properties": {"resources": {"type": "object", "additionalProperties": {"$ref": entry}}},
        "required": sorted(required),
    }
    return {"if": {"properties": {"connector": {"const": name}}, "required": ["connector"]}, "then": then}


def _moved(shape: type[BaseModel], definitions: dict[str, Any], prefix: str) -> dict[str, Any]:
    """One shape's schema with its own definitions moved, under the connector's name, to the top."""
    schema: dict[str, Any] = _free_secrets(
        shape.model_json_schema(ref_template=f"#/$defs/{prefix}_{{model}}")
    )
    for name, inner in schema.pop("$defs", {}).items():
        definitions[f"{prefix}_{name}"] = inner
    return schema


def _free_secrets(schema: Any, *, free: bool = False) -> Any:
    """In a free mapping (headers, options) not every text is a secret: lint goes by the key."""
    if isinstance(schema, dict):
        return {
            key: _free_secrets(value, free=free or key == "additionalProperties")
            for key, value in schema.items()
            if not (free and key == "pattern" and value == "^secret://")
        }
    return [_free_secrets(item, free=free) for item in schema] if isinstance(schema, list) else schema


def _without_titles(schema: Any) -> Any:
    """Pydantic titles every property by its name: noise in an editor's pop-up."""
    if isinstance(schema, dict):
        return {
            key: {name: _without_titles(item) for name, item in value.items()}
            if key in ("properties", "$defs") and isinstance(value, dict)
            else _without_titles(value)
            for key, value in schema.items()
            if not (key == "title" and isinstance(value, str))
        }
    if isinstance(schema, list):
        return [_without_titles(item) for item in schema]
    return schema
