"""What a promotion changes: two workspaces, or one under two environments, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel

from hub.contract import Secret
from hub.workspace.explain import dotted
from hub.workspace.plain import SOUNDS_SECRET
from hub.workspace.workspace import Workspace

What = Literal["added", "removed", "changed"]

ORDER: Final = ("hub", "system", "model", "codes", "mapping")
HIDDEN: Final = "***"
WIDENING: Final = frozenset(
    {
        ("integer", "decimal"),
        ("integer", "text"),
        ("decimal", "text"),
        ("boolean", "text"),
        ("date", "datetime"),
        ("date", "text"),
        ("datetime", "text"),
        ("code", "text"),
    }
)


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One difference. ``path`` is the place inside the object, empty for the object as a whole;
    ``before`` and ``after`` are plain values, None where there is none, and secrets are shown as their
    references. ``narrowing`` marks a change of a model that values already stored may not fit."""

    kind: str
    name: str
    path: str
    what: What
    before: Any = None
    after: Any = None
    narrowing: bool = False

    def __str__(self) -> str:
        place = f"{self.kind} {self.name}".strip() + (f": {self.path}" if self.path else "")
        mark = " (narrowing: stored values may not fit)" if self.narrowing else ""
        if not self.path:
            return f"{place} {self.what}"
        if self.what == "changed":
            return f"{place}: {_inline(self.before)} → {_inline(self.after)}{mark}"
        value = self.after if self.what == "added" else self.before
        return f"{place} {self.what}: {_inline(value)}{mark}"


def diff(a: Workspace, b: Workspace) -> list[Difference]:
    """Every difference from ``a`` to ``b``, of what they mean, not of how it is written: a default
    written out is no difference. Order: hub, systems, models, code lists, mappings; then by name."""
    found: list[Difference] = []
    for kind in ORDER:
        before, after = _objects(a, kind), _objects(b, kind)
        for name in sorted({*before, *after}):
            found += _object(kind, name, before.get(name), after.get(name))
    return found


def _objects(workspace: Workspace, kind: str) -> dict[str, Any]:
    if kind == "hub":
        return {"": plain(workspace.hub)}
    if kind == "system":
        return {
            name: {
                "title": system.title,
                "connector": system.connector,
                "writes": system.writes,
                **plain(system.settings),
                "resources": plain(system.resources),
                "canaries": plain(system.canaries),
            }
            for name, system in workspace.systems.items()
        }
    objects: Mapping[str, BaseModel] = {
        "model": workspace.models,
        "codes": workspace.codes,
        "mapping": workspace.mappings,
    }[kind]
    return {name: plain(shape) for name, shape in objects.items()}


def plain(value: Any) -> Any:
    """Plain values by the names of the YAML, without what is not set; secrets as references."""
    if isinstance(value, Secret):
        return f"secret://{value.reference}" if value.reference else HIDDEN
    if isinstance(value, BaseModel):
        fields = type(value).model_fields.items()
        named = ((field.alias or name, getattr(value, name)) for name, field in fields)
        return {name: plain(item) for name, item in named if item is not None}
    if isinstance(value, Mapping):
        return {key: _entry(key, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _entry(key: str, value: Any) -> Any:
    """An entry of a free mapping (headers, options): only what sounds like a secret is one."""
    if isinstance(value, Secret) and not SOUNDS_SECRET.search(key):
        return value.reveal()
    return plain(value)


def _object(kind: str, name: str, before: Any, after: Any) -> Iterator[Difference]:
    if before is None or after is None:
        gone = after is None
        yield Difference(
            kind, name, "", "removed" if gone else "added", before, after, gone and kind == "model"
        )
        return
    for path, old, new in _changes(before, after, ()):
        what: What = "added" if old is None else "removed" if new is None else "changed"
        narrow = kind == "model" and _narrows(path, before, after)
        yield Difference(kind, name, _named(path), what, old, new, narrow)


def _changes(
    before: Any, after: Any, path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], Any, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            yield from _changes(before.get(key), after.get(key), (*path, key))
    elif before != after or type(before) is not type(after):
        yield path, before, after


def _named(path: Iterable[str | int]) -> str:
    return dotted(tuple(path))


def _narrows(path: tuple[str | int, ...], before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a value that fits the model before may not fit it after the change at ``path``."""
    if path[0] == "key":
        return True
    if path[0] != "fields" or len(path) < 2:
        return False
    old, new = before["fields"].get(path[1]), after["fields"].get(path[1])
    if new is None:
        return True
    if old is None:
        return bool(new["required"])
    return len(path) > 2 and _field_narrows(str(path[2]), old, new)


def _field_narrows(option: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    before, after = old.get(option), new.get(option)
    if option == "type":
        return (before, after) not in WIDENING
    if option in ("required", "unique"):
        return bool(after)
    if option in ("digits", "scale", "max_length", "max"):
        return after is not None and (before is None or after < before or _fewer_before_point(old, new))
    if option == "min":
        return after is not None and (before is None or after > before)
    if option == "many":
        return not after
    return option in ("pattern", "format", "list", "model") and after is not None


def _fewer_before_point(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """A decimal keeps its digits before the point only if digits grow as much as the scale."""
    return bool(new["type"] == "decimal" and new["digits"] - new["scale"] < old["digits"] - old["scale"])


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return '""' if value == "" else str(value)
