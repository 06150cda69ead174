"""SCIM paths (RFC 7644 §3.5.2, figure 7) as fields: reading, setting and naming what they lead to."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub.errors import RecordRejected

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_PATH = re.compile(
    r"(?:(?P<urn>urn:.+):)?(?P<attr>[A-Za-z$][\w$-]*)"
    r'(?:\[\s*(?P<by>[A-Za-z]\w*)\s+eq\s+(?P<value>"(?:[^"\\]|\\.)*"|true|false)\s*\])?(?:\.(?P<sub>[A-Za-z$][\w$-]*))?'
)


@dataclass(frozen=True, slots=True)
class Path:
    """``urn`` of an extension (None: the core), attribute, the value among several that it means, sub-attribute."""

    urn: str | None
    attr: str
    by: str | None = None
    value: Any = None
    sub: str | None = None

    @property
    def text(self) -> str:
        """As it stands in filters and PATCH operations."""
        chosen = f"[{self.by} eq {json.dumps(self.value, ensure_ascii=False)}]" if self.by else ""
        return f"{self.whole}{chosen}{f'.{self.sub}' if self.sub else ''}"

    @property
    def whole(self) -> str:
        """The attribute as a whole."""
        return f"{self.urn}:{self.attr}" if self.urn else self.attr


def parse(text: str) -> Path:
    """A path as YAML writes it; ValueError where it is none.

    >>> parse('emails[type eq "work"].value').text
    'emails[type eq "work"].value'
    >>> parse(ENTERPRISE + ":manager.value").sub
    'value'
    """
    found = _PATH.fullmatch(text)
    if found is None:
        raise ValueError(f'{text!r} is no path such as name.familyName or emails[type eq "work"].value')
    value = json.loads(found["value"]) if found["value"] else None
    return Path(found["urn"], found["attr"], found["by"], value, found["sub"])


def check_paths(paths: dict[str, str]) -> dict[str, str]:
    """Refuse what is no path, and names that could be taken for one (for pydantic)."""
    for name, text in paths.items():
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise ValueError(f"{name!r} is no name of a field")
        parse(text)
    return paths


def of_field(name: str, paths: Mapping[str, str], aliases: Mapping[str, str]) -> Path:
    """The path of a field: declared, or a dotted name that may begin with the short name of an extension."""
    if name in paths:
        return parse(paths[name])
    first, _, rest = name.partition(".")
    urn = aliases.get(first) if rest else None
    try:
        return parse(f"{urn}:{rest}" if urn else name)
    except ValueError:
        raise RecordRejected("field.unknown", f"{name} is no attribute", where=name) from None


def _container(resource: Mapping[str, Any], path: Path) -> Any:
    return resource.get(path.urn) if path.urn else resource


def get(resource: Mapping[str, Any], path: Path) -> Any:
    """What stands at a path, None where there is nothing."""
    inner = _container(resource, path)
    found = _named(inner, path.attr)
    if path.by is not None:
        found = element(found, path)
        return found if path.sub is None else _named(found, path.sub)
    return found if path.sub is None else _named(found, path.sub)


def _named(holder: Any, name: str) -> Any:
    """A member by its name, which SCIM compares without regard to case (RFC 7643 §2.1)."""
    if not isinstance(holder, Mapping):
        return None
    if name in holder:
        return holder[name]
    return next((value for key, value in holder.items() if key.lower() == name.lower()), None)


def element(several: Any, path: Path) -> Any:
    """The value among several that a path means."""
    if not isinstance(several, list):
        return None
    wanted = path.value.lower() if isinstance(path.value, str) else path.value
    for one in several:
        found = _named(one, path.by or "")
        if (found.lower() if isinstance(found, str) else found) == wanted:
            return one
    return None


def put(resource: dict[str, Any], path: Path, value: Any) -> None:
    """Set what stands at a path; None takes it away."""
    holder = resource.setdefault(path.urn, {}) if path.urn else resource
    if path.by is not None:
        several = holder.setdefault(path.attr, [])
        one = element(several, path)
        if value is None:
            holder[path.attr] = [each for each in several if each is not one]
        elif one is None:
            several.append({path.by: path.value, path.sub or "value": value})
        else:
            one[path.sub or "value"] = value
    elif path.sub is not None:
        inner = holder.get(path.attr)
        inner = inner if isinstance(inner, dict) else {}
        inner = (
            {**inner, path.sub: value}
            if value is not None
            else {k: v for k, v in inner.items() if k != path.sub}
        )
        holder[path.attr] = inner
    elif value is None:
        holder.pop(path.attr, None)
    else:
        holder[path.attr] = value
    if path.urn and not holder:
        resource.pop(path.urn)
