"""The one YAML reader of the hub.

``read`` composes a text once to a node tree with libyaml and builds plain values from it by the core
schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema): ``on``, ``NO``, ``1_000``,
``12:30`` and dates are text, ``0o17`` is 15. Keys are always the text as written. What YAML offers
beyond that and configuration does not need is refused with a finding: anchors and aliases, tags,
several documents, duplicate keys, deep nesting, large files.
"""

from __future__ import annotations

import re
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from hub.errors import Finding
from hub.workspace.located import Composer, Located, TooDeep, position

MAX_BYTES: Final = 1 << 20
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
        node = Composer(text).get_single_node()
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


def _line(node: Node) -> int:
    return position(node)[0]


def _finding(path: str, code: str, message: str, hint: str) -> Finding:
    return Finding(path, 1, 1, "error", code, message, hint)


def _at(node: Node, path: str, code: str, message: str, hint: str) -> Finding:
    return Finding(path, *position(node), "error", code, message, hint)


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
    if isinstance(error, TooDeep):
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
