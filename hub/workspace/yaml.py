"""The one YAML reader of the hub.

``read`` composes a text once to a node tree with libyaml and builds plain values from it by the core
schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema): ``on``, ``NO``, ``1_000``,
``12:30`` and dates are text, ``0o17`` is 15. Keys are always the text as written. What YAML offers
beyond that and configuration does not need is refused with a finding: anchors and aliases, tags,
several documents, duplicate keys, deep nesting, large files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import yaml
from yaml._yaml import CParser
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from hub.errors import Finding

MAX_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 40
MAX_DIGITS: Final = 400

CONSTANTS: Final[dict[str, Any]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
INTEGER: Final = re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z")
FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
MAYBE_ANCHOR: Final = re.compile(r"(?:^|[\s,:\[{-])[&*][^\s&*]", re.MULTILINE)

HINTS: Final = (
    ("tab character", "indent with spaces; YAML refuses tabs"),
    ("mapping values are not allowed", "put text that holds ': ' in quotes, or check the indentation"),
    ("could not find expected ':'", "write a colon and a space after the key"),
    ("expected key", "check the indentation of this line and the quotes of the lines before it"),
    ("expected '-' indicator", "check the indentation: the lines before belong to a list"),
    ("expected ',' or", "close the bracket that was opened, or write a comma"),
    ("unexpected end of stream", "close the quotes that were opened"),
    ("unknown escape", "write the text in single quotes, or a backslash as \\\\"),
    ("expected node content", "check the brackets, or put the text in quotes"),
    ("found undefined tag handle", "put text that starts with ! in quotes"),
)


Place = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Located:
    """The plain value of a file, and where each part of it stands.

    Nodes take 14 times the room of their text (measured), and most files are never asked for a place: the tree is
    let go after reading, and composed again (0.1 ms) for the few files that findings are about.
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
        return _position(place)

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


def _position(node: Node | None) -> tuple[int, int]:
    return (1, 1) if node is None else (node.start_mark.line + 1, node.start_mark.column + 1)


def _line(node: Node) -> int:
    return _position(node)[0]


class _TooDeep(yaml.MarkedYAMLError):
    pass


class _Composer(CParser):
    """libyaml's composer with a resolver that only tells plain scalars from quoted ones."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0

    def resolve(self, kind: type[Node], value: Any, implicit: Any) -> str:
        return "plain" if kind is ScalarNode and implicit[0] else "text"

    def descend_resolver(self, parent: Node | None, index: Any) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH and parent is not None:
            raise _TooDeep(None, None, f"nested deeper than {MAX_DEPTH} levels", parent.start_mark)

    def ascend_resolver(self) -> None:
        self.depth -= 1


@lru_cache(maxsize=4)
def _composed(text: str) -> Node | None:
    return _Composer(text).get_single_node()


def read(content: bytes | str, path: str = "") -> tuple[Located | None, list[Finding]]:
    """Read one YAML file; nothing where it cannot be read, and all findings.

    A file with duplicate keys or tags still gives its value (the first of the duplicates counts), so
    that what else is wrong in it is found in the same pass.
    """
    try:
        raw = content if isinstance(content, bytes) else content.encode()
        if len(raw) > MAX_BYTES:
            return None, [
                _finding(
                    path,
                    "yaml.size",
                    f"the file is larger than {MAX_BYTES >> 20} MiB",
                    "split it, or keep mass data in a file system, not in configuration",
                )
            ]
        text = raw.decode("utf-8-sig")
    except UnicodeError:
        return None, [_finding(path, "yaml.encoding", "the file is not UTF-8", "save it as UTF-8")]
    try:
        if MAYBE_ANCHOR.search(text) and (refused := _anchors(text, path)):
            return None, refused
        node = _Composer(text).get_single_node()
    except yaml.YAMLError as error:
        return None, [_refusal(error, text, path)]
    if node is None:
        return None, [
            _finding(path, "yaml.empty", "the file is empty", "remove the file, or write its content")
        ]
    findings: list[Finding] = []
    value = _build(node, path, findings)
    return Located(path, value, text), findings


def _anchors(text: str, path: str) -> list[Finding]:
    """Anchors and aliases, found on the events: composing them first could take all the memory."""
    found = []
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if getattr(event, "anchor", None) is not None:
            # its name is not shown: it may be a password that starts with *
            alias = isinstance(event, yaml.AliasEvent)
            message = f"{'an alias (*name)' if alias else 'an anchor (&name)'} is refused"
            found.append(
                Finding(
                    path,
                    event.start_mark.line + 1,
                    event.start_mark.column + 1,
                    "error",
                    "yaml.alias",
                    message,
                    "write the value out; text that starts with & or * stands in quotes",
                )
            )
        if len(found) == 10:
            break
    return found


def _build(node: Node, path: str, findings: list[Finding]) -> Any:
    if node.__class__ is ScalarNode:
        if node.tag == "plain":
            return _scalar(node, path, findings)
        if node.tag == "text":
            return node.value
    if node.tag != "text":
        findings.append(
            _at(
                node,
                path,
                "yaml.tag",
                f"a tag ({_tag(node.tag)}) is refused",
                "leave the tag out; numbers that shall be text stand in quotes",
            )
        )
    if isinstance(node, SequenceNode):
        return [_build(item, path, findings) for item in node.value]
    if not isinstance(node, MappingNode):
        return node.value
    values: dict[str, Any] = {}
    first: dict[str, Node] = {}
    for key, value in node.value:
        if key.__class__ is not ScalarNode:
            findings.append(
                _at(
                    key,
                    path,
                    "yaml.key",
                    "a key must be text, not a list or a mapping",
                    "put text with [ ] or { } in quotes",
                )
            )
            continue
        if key.value in first:
            findings.append(
                _at(
                    key,
                    path,
                    "yaml.duplicate",
                    f'the key "{key.value}" stands here twice, first in line {_line(first[key.value])}',
                    "remove one of the two",
                )
            )
            _build(value, path, findings)
            continue
        first[key.value] = key
        values[key.value] = _build(value, path, findings)
    return values


def _scalar(node: Node, path: str, findings: list[Finding]) -> Any:
    text: str = node.value
    if text in CONSTANTS:
        return CONSTANTS[text]
    if text[0] not in "-+.0123456789":
        return text
    if INTEGER.match(text):
        if len(text) > MAX_DIGITS:
            findings.append(
                _at(
                    node,
                    path,
                    "yaml.number",
                    f"a number of {len(text)} digits is refused",
                    "put it in quotes if it is text",
                )
            )
            return 0
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    return float(text) if FLOAT.match(text) else text


def _tag(tag: str) -> str:
    """YAML's own tags by name; another one may be a password that starts with !"""
    own = tag.removeprefix("tag:yaml.org,2002:")
    return f"!!{own}" if own in ("str", "int", "float", "bool", "null", "seq", "map") else "!name"


def _finding(path: str, code: str, message: str, hint: str) -> Finding:
    return Finding(path, 1, 1, "error", code, message, hint)


def _at(node: Node, path: str, code: str, message: str, hint: str) -> Finding:
    return Finding(path, *_position(node), "error", code, message, hint)


def _refusal(error: yaml.YAMLError, text: str, path: str) -> Finding:
    if not isinstance(error, yaml.MarkedYAMLError):
        position = min(getattr(error, "position", 0) or 0, len(text))
        line = text.count("\n", 0, position)
        column = position - (text.rfind("\n", 0, position) + 1)
        return Finding(
            path,
            line + 1,
            column + 1,
            "error",
            "yaml.syntax",
            "a control character is not allowed in YAML",
            "remove it",
        )
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = str(error.problem)
    if isinstance(error, _TooDeep):
        return Finding(
            path, line, column, "error", "yaml.depth", f"the file is {problem}", "write it flatter"
        )
    if "another document" in problem:
        return Finding(
            path,
            line,
            column,
            "error",
            "yaml.documents",
            "a second document starts here",
            "remove the line ---, or make two files",
        )
    hint = next((hint for part, hint in HINTS if part in problem), "")
    if "cannot start any token" in problem:
        hint = _stray(text, line, column)
    context = error.context or ""
    context = f"{context}, " if context and "next token" not in context else ""
    return Finding(path, line, column, "error", "yaml.syntax", f"not YAML: {context}{problem}", hint)


def _stray(text: str, line: int, column: int) -> str:
    """What to say of a character that nothing may start with: a tab, or one YAML keeps for itself."""
    row = text.splitlines()[line - 1] if line <= len(text.splitlines()) else ""
    character = row[column - 1 : column]
    if character == "\t" or row[:column].strip(" ").startswith("\t"):
        return "indent with spaces; YAML refuses tabs"
    return f"put text that starts with {character} in quotes" if character else "put the text in quotes"
