"""Where each part of a YAML file stands: line and column of what a finding is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import yaml
from yaml._yaml import CParser
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_DEPTH: Final = 40

Place = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Located:
    """The plain value of a file, and where each part of it stands.

    Nodes take 14 times the room of their text (measured), and most files are never asked for a place:
    the tree is let go after reading, and composed again (0.1 ms) for the few that findings are about.
    """

    path: str
    value: Any
    text: str = ""

    @property
    def node(self) -> Node | None:
        return _composed(self.text)

    def locate(self, loc: Sequence[str | int] = ()) -> tuple[int, int]:
        """Line and column, from 1, of what a pydantic error location names.

        Steps that are not in the file are skipped: they name a branch of a union or a validator. A
        last step that is missing leaves the place at its parent's key; ``[key]`` asks for the key.
        A value that stands on its own lines (a mapping, a list) is shown at its key.
        """
        place = node = self.node
        for step in loc:
            key, value = _child(node, step)
            if value is None:
                continue
            node = value
            place = value if key is None or (isinstance(value, ScalarNode) and loc[-1] != "[key]") else key
        return position(place)

    def place(self, loc: Sequence[str | int] = (), *, key: bool = False) -> Place:
        """Path, line and column; with ``key`` of the key the location ends in, not of its value."""
        return self.path, *self.locate((*loc, "[key]") if key else loc)

    def walk(self, loc: Sequence[str | int]) -> tuple[str | int, ...]:
        """The steps of a location that exist in the file, without names of unions and validators."""
        node, path = self.node, []
        for step in loc:
            _, value = _child(node, step)
            if value is not None:
                node = value
                path.append(step)
        return tuple(path)


@dataclass(frozen=True, slots=True)
class Layered:
    """A file with the part of another one (an environment) laid over it: what stands in the overlay
    is shown there. ``value`` is the merged value, ``under`` where the part stands in ``over``."""

    base: Located
    over: Located
    under: tuple[str | int, ...]
    value: Any

    @property
    def path(self) -> str:
        return self.base.path

    def walk(self, loc: Sequence[str | int]) -> tuple[str | int, ...]:
        above = self.over.walk((*self.under, *loc))[len(self.under) :]
        return max(above, self.base.walk(loc), key=len)

    def place(self, loc: Sequence[str | int] = (), *, key: bool = False) -> Place:
        above = self.over.walk((*self.under, *loc))[len(self.under) :]
        if above and len(above) >= len(self.base.walk(loc)):
            return self.over.place((*self.under, *loc), key=key)
        return self.base.place(loc, key=key)


def _child(node: Node | None, step: str | int) -> tuple[Node | None, Node | None]:
    """The key node (mappings only) and value node of one step, or nothing."""
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return key, value
    if isinstance(node, SequenceNode) and isinstance(step, int) and 0 <= step < len(node.value):
        return None, node.value[step]
    return None, None


def position(node: Node | None) -> tuple[int, int]:
    return (1, 1) if node is None else (node.start_mark.line + 1, node.start_mark.column + 1)


class TooDeep(yaml.MarkedYAMLError):
    """The nesting is deeper than anybody writes."""


class Composer(CParser):
    """libyaml's composer with a resolver that only tells plain scalars from quoted ones."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0

    def resolve(self, kind: type[Node], value: Any, implicit: Any) -> str:
        return "plain" if kind is ScalarNode and implicit[0] else "text"

    def descend_resolver(self, parent: Node | None, index: Any) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH and parent is not None:
            raise TooDeep(None, None, f"nested deeper than {MAX_DEPTH} levels", parent.start_mark)

    def ascend_resolver(self) -> None:
        self.depth -= 1


@lru_cache(maxsize=4)
def _composed(text: str) -> Node | None:
    return Composer(text).get_single_node()
