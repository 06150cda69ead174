"""Texts of a manifest: templates are read, and never run. Only the plainest of them mean something here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_TEMPLATE: Final = re.compile(r"\{\{(.{0,300}?)\}\}|\{%", re.DOTALL)
_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]{0,80}"
_PATH: Final = re.compile(
    rf"\s*({_NAME})((?:\.{_NAME}|\[\s*(?:'[^'\]]{{1,80}}'|\"[^\"\]]{{1,80}}\"|-?\d{{1,4}})\s*\])*)\s*"
)
_STEP: Final = re.compile(rf"\.({_NAME})|\[\s*(?:'([^']*)'|\"([^\"]*)\"|(-?\d+))\s*\]")
SLICES: Final = ("stream_partition", "stream_slice")


class Beyond(Exception):
    """What cannot be carried over: the message says why."""


@dataclass(frozen=True, slots=True)
class Path:
    """What a template reads: ``config``, ``response`` or the like, and the way below it."""

    root: str
    steps: tuple[str, ...]

    @property
    def dotted(self) -> str:
        if any("." in step for step in self.steps):
            raise Beyond("a name with a dot in it")
        return ".".join(self.steps)


def path_of(inside: str) -> Path | None:
    """
    >>> path_of(" response['paging'].next "), path_of("now_utc()")
    (Path(root='response', steps=('paging', 'next')), None)
    """
    found = _PATH.fullmatch(inside)
    if found is None:
        return None
    steps = tuple(next(one for one in step.groups() if one is not None) for step in _STEP.finditer(found[2]))
    return Path(found[1], steps)


def read_path(text: Any) -> Path | None:
    """The path of a text that is one template and nothing else."""
    found = re.fullmatch(r"\s*\{\{(.{0,300}?)\}\}\s*", text, re.DOTALL) if isinstance(text, str) else None
    return path_of(found[1]) if found else None


def filled(text: Any, parameters: Mapping[str, Any], config: Mapping[str, str]) -> str:
    """A text with its parameters and given options in place; ``{name}`` for a part of a slice. Beyond where a template
    wants more, or an option that nobody gave (its name is in the message)."""
    if isinstance(text, bool):
        return "true" if text else "false"
    if isinstance(text, int | float):
        return str(text)
    if not isinstance(text, str):
        raise Beyond("it is no text")
    made, at = [], 0
    for found in _TEMPLATE.finditer(text):
        if found[1] is None:
            raise Beyond("a statement of a template ({% … %})")
        made += [text[at : found.start()], _value(found[1], parameters, config)]
        at = found.end()
    return "".join([*made, text[at:]])


def _value(inside: str, parameters: Mapping[str, Any], config: Mapping[str, str]) -> str:
    path = path_of(inside)
    if path is None:
        quoted = re.fullmatch(r"\s*(?:'([^']*)'|\"([^\"]*)\")\s*", inside)
        if quoted:
            return quoted[1] if quoted[1] is not None else quoted[2]
        raise Beyond(f"a template that computes: {' '.join(inside.split())[:80]}")
    if path.root in ("parameters", "options") and len(path.steps) == 1 and path.steps[0] in parameters:
        return filled(parameters[path.steps[0]], {}, config)
    if path.root == "config" and len(path.steps) == 1:
        if path.steps[0] in config:
            return config[path.steps[0]]
        raise Beyond(f"the option {path.steps[0]}: give it by --set {path.steps[0]}=VALUE")
    if path.root in SLICES and len(path.steps) == 1:
        return f"{{{path.steps[0]}}}"
    raise Beyond(f"a template that reads {path.root}")
