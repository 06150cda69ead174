"""The description of the API: what FastAPI reads out of the routes, and what holds for all of them."""

from __future__ import annotations

from typing import Any, Final

NO_NUL: Final = r"^[^\x00]*$"
"""No database keeps a NUL: ``limits`` refuses it in addresses, the models of bodies in texts."""
PROBLEM: Final[dict[int | str, dict[str, Any]]] = {
    "default": {
        "description": "A problem",
        "content": {
            "application/problem+json": {
                "schema": {
                    "type": "object",
                    "required": ["type", "title", "status", "detail", "code"],
                    "properties": {
                        "type": {"type": "string", "format": "uri"},
                        "title": {"type": "string"},
                        "status": {"type": "integer"},
                        "detail": {"type": "string"},
                        "instance": {"type": "string"},
                        "code": {"type": "string", "description": "Stable, see docs/reference/codes.md"},
                        "where": {"type": "string"},
                        "hint": {"type": "string"},
                        "errors": {"type": "array", "items": {"type": "object"}},
                    },
                }
            }
        },
    }
}
BELOW: Final = ("anyOf", "allOf", "oneOf", "items", "additionalProperties")


def completed(found: dict[str, Any]) -> dict[str, Any]:
    """The same, with how one logs in, and which texts are taken."""
    components = found.setdefault("components", {})
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "A key: cophub keys add NAME --grant …"}
    }
    found["security"] = [{"key": []}]
    for schema in components.get("schemas", {}).values():
        _text(schema)
    for operations in found["paths"].values():
        for operation in operations.values():
            bodies = operation.get("requestBody", {}).get("content", {}).values()
            for one in (*operation.get("parameters", ()), *bodies):
                _text(one["schema"])
    return found


def _text(schema: Any) -> None:
    """Every text without a form of its own has no NUL, nor have the names of members."""
    if isinstance(schema, list):
        for one in schema:
            _text(one)
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "string" and not {"pattern", "format", "enum", "const"} & schema.keys():
        schema["pattern"] = NO_NUL
    if "propertyNames" in schema:
        schema["propertyNames"].setdefault("pattern", NO_NUL)
    for name in BELOW:
        _text(schema.get(name))
    for one in schema.get("properties", {}).values():
        _text(one)
