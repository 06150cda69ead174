"""A manifest with its references followed and its parameters handed down, within limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hub.errors import ConfigError

MOST: Final = 200_000
"""Values of a manifest once its references are followed: they can be made to multiply."""
DEEPEST: Final = 60
PARAMETERS: Final = "$parameters"
REFERENCE: Final = "$ref"


class Resolver:
    """Follows references of one document. ConfigError ``import.reference`` or ``import.size``."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._count = 0

    def streams(self) -> list[dict[str, Any]]:
        """The streams that the manifest offers, each with all that belongs to it."""
        given = self._document.get("streams")
        if not isinstance(given, list) or not given:
            raise ConfigError(
                "import.manifest", "the manifest has no streams", hint="name a low-code manifest: manifest.yaml"
            )
        made = [self._followed(one, {}, (), 0) for one in given]
        if not all(isinstance(one, dict) for one in made):
            raise ConfigError("import.manifest", "a stream of the manifest is no object", hint="check streams:")
        return made

    def _followed(self, value: Any, given: Mapping[str, Any], way: tuple[str, ...], depth: int) -> Any:
        self._count += 1
        if self._count > MOST or depth > DEEPEST:
            raise ConfigError("import.size", "the manifest grows beyond all bounds where its references are followed",
                              hint="it is no manifest that a person wrote")  # fmt: skip
        if isinstance(value, str) and value.startswith("#/"):
            return self._followed(self._raw(value, way), given, (*way, value), depth + 1)
        if isinstance(value, list):
            return [self._followed(one, given, way, depth + 1) for one in value]
        if not isinstance(value, dict):
            return value
        link = value.get(REFERENCE)
        if link is not None:
            under = self._raw(str(link), way)
            if not isinstance(under, dict):
                raise ConfigError("import.reference", f"{link} is no object", hint="mend the manifest")
            merged = {**under, **{name: one for name, one in value.items() if name != REFERENCE}}
            for name in under.keys() & value.keys():
                if isinstance(under[name], dict) and isinstance(value[name], dict):
                    merged[name] = {**under[name], **value[name]}
            return self._followed(merged, given, (*way, str(link)), depth + 1)
        own = value.get(PARAMETERS)
        known = {**given, **own} if isinstance(own, dict) else given
        made = {
            name: self._followed(inner, known, way, depth + 1)
            for name, inner in value.items() if name != PARAMETERS
        }  # fmt: skip
        made[PARAMETERS] = dict(known)
        return made

    def _raw(self, link: str, way: tuple[str, ...]) -> Any:
        if link in way:
            raise ConfigError("import.reference", f"{link} leads back to itself", hint="mend the manifest")
        if not link.startswith("#/"):
            raise ConfigError("import.reference", f"{link[:80]} leads out of the manifest, and is not followed",
                              hint="write what it leads to into the manifest")  # fmt: skip
        value: Any = self._document
        for step in link.removeprefix("#/").split("/"):
            value = value.get(step) if isinstance(value, dict) else None
        if value is None:
            raise ConfigError("import.reference", f"{link[:80]} leads nowhere", hint="mend the manifest")
        return value


def custom_code(value: Any, path: str = "") -> Iterator[str]:
    """Where a manifest names code of its own."""
    if isinstance(value, dict):
        kind = value.get("type")
        if "class_name" in value or (isinstance(kind, str) and kind.startswith("Custom")):
            yield path or "/"
        for name, inner in value.items():
            yield from custom_code(inner, f"{path}/{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from custom_code(inner, f"{path}/{number}")
