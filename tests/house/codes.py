"""``python -m tests.house.codes``: writes docs/reference/codes.md from the code, by reading it.

A code is a text given where a parameter (or a field of a dataclass) named ``code`` stands, kept in a
variable ``code`` or a table ``..._CODES``, or first in a tuple with its message. The message and the hint
beside it are quoted with ``…`` for what is filled in; ``meanings`` and the tables of the hub say the rest.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from hub.exchange.remedy import REMEDIES, remedy
from hub.workspace.findings import FINDINGS
from tests.house.meanings import MEANINGS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "codes.md"
PACKAGES = ("hub", "connectors", "sso")
PARTS = ("code", "message", "hint")
CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
MEANING = {
    "ConfigError": "mend the file or argument",
    "AuthError": "mend the secret or the right",
    "Retriable": "the hub tries again",
    "Waits": "it is done later; nothing failed",
    "RecordRejected": "the record is quarantined",
    "Held": "a person decides",
    "Fatal": "the run stops",
}
PREFACE = """# Error codes

Every error, finding and quarantine entry carries one of these codes. They are stable: a program may rely on
them. Where several places use one code, their words stand side by side; `…` is filled in. What is written in
capitals comes from the other side. Written by `python -m tests.house.codes`; a test compares.

"""


@dataclass
class Use:
    """What is said of one code, wherever it is used."""

    does: set[str] = field(default_factory=set)
    messages: set[str] = field(default_factory=set)
    hints: set[str] = field(default_factory=set)


Spelled = Mapping[str, str]
KINDS = (ast.FunctionDef, ast.ClassDef, ast.Call, ast.Assign, ast.Tuple, ast.Constant)


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def nodes() -> Iterator[tuple[ast.AST, Spelled]]:
    """What may hold a code or take one, with the module's own texts by the names it gave them."""
    for _, tree in trees():
        spelled = dict(_spelled(tree))
        yield from ((node, spelled) for node in ast.walk(tree) if isinstance(node, KINDS))


def _spelled(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield from ((one.id, value.value) for one in targets if isinstance(one, ast.Name))


def _signatures(found_in: Iterable[tuple[ast.AST, Spelled]]) -> dict[str, list[list[str]]]:
    """Name of each function or class that takes a ``code``: its parameters in order, without self."""
    found: dict[str, list[list[str]]] = {name: [[*PARTS[:2]]] for name in MEANING}  # they inherit theirs
    for node, _ in found_in:
        if isinstance(node, ast.FunctionDef):
            names = [one.arg for one in (*node.args.posonlyargs, *node.args.args)]
            names = names[1:] if names[:1] in (["self"], ["cls"]) else names
            keywords = [one.arg for one in node.args.kwonlyargs]
        elif isinstance(node, ast.ClassDef):
            fields = [one.target for one in node.body if isinstance(one, ast.AnnAssign)]
            names, keywords = [one.id for one in fields if isinstance(one, ast.Name)], []
        else:
            continue
        if "code" in (*names, *keywords):
            found.setdefault(node.name, []).append(names)
    return found


def _texts(node: ast.expr, spelled: Spelled) -> set[str]:
    """The texts an argument can be: a literal, a name for one, either side of a condition, an f-string with …
    in its gaps."""
    if isinstance(node, ast.Name):
        return {spelled[node.id]} if spelled.get(node.id) else set()
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value} if node.value else set()
    if isinstance(node, ast.JoinedStr):
        return {"".join(str(one.value) if isinstance(one, ast.Constant) else "…" for one in node.values)}
    if isinstance(node, ast.IfExp):
        return _texts(node.body, spelled) | _texts(node.orelse, spelled)
    return set()


def _arguments(call: ast.Call, names: list[str], spelled: Spelled) -> dict[str, set[str]]:
    """What is given for code, message and hint. Behind a ``*`` the code itself tells where it stands."""
    given = {one.arg: one.value for one in call.keywords if one.arg}
    after = next((at for at, one in enumerate(call.args) if isinstance(one, ast.Starred)), None)
    if after is None:
        given |= dict(zip(names, call.args, strict=False))
    else:
        rest = call.args[after + 1 :]
        codes = (at for at, one in enumerate(rest) if any(map(CODE.fullmatch, _texts(one, spelled))))
        first = next(codes, len(rest))
        given |= dict(zip(PARTS, rest[first:], strict=False))
    return {part: _texts(given[part], spelled) if part in given else set() for part in PARTS}


def _said(
    node: ast.AST, spelled: Spelled, signatures: dict[str, list[list[str]]]
) -> Iterator[tuple[str, dict[str, set[str]]]]:
    """Callee (or nothing) and texts of each place where a code may stand."""
    if isinstance(node, ast.Call):
        callee = node.func
        name = callee.attr if isinstance(callee, ast.Attribute) else getattr(callee, "id", "")
        for names in signatures.get(name, []):
            yield name, _arguments(node, names, spelled)
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        if node.targets[0].id == "code":
            yield "", {"code": _texts(node.value, spelled)}
        elif node.targets[0].id.endswith("_CODES") and isinstance(node.value, ast.Dict):
            yield "", {"code": set().union(*(_texts(one, spelled) for one in node.value.values))}
    elif isinstance(node, ast.Tuple) and len(node.elts) > 1:
        texts = [_texts(one, spelled) for one in node.elts[: len(PARTS)]]
        if not any(map(CODE.fullmatch, texts[1])):
            yield "", dict(zip(PARTS, texts, strict=False))


@cache
def collect() -> Mapping[str, Use]:
    """Every code in the packages, with what is said of it."""
    read = list(nodes())
    signatures = _signatures(read)
    found: dict[str, Use] = {}
    texts: set[str] = set()
    for node, spelled in read:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts |= {node.value, *re.findall(r"'([a-z_.]+)'", node.value)}
        for name, said in _said(node, spelled, signatures):
            for code in filter(CODE.fullmatch, said["code"]):
                use = found.setdefault(code, Use())
                use.messages |= said.get("message", set())
                use.hints |= said.get("hint", set())
                use.does |= {MEANING[name]} if name in MEANING else set()
    for code in (*FINDINGS, *MEANINGS):
        if code in texts or code != code.lower():
            found.setdefault(code, Use())
    return dict(sorted(found.items()))


def said_of(code: str, use: Use) -> tuple[str, str]:
    """Meaning and remedy of a code; both are there for every code, by test."""
    meaning, way_out = MEANINGS.get(code, ("", ""))
    meaning = meaning or FINDINGS.get(code) or "; ".join(sorted(use.messages))
    way_out = way_out or REMEDIES.get(code) or "; ".join(sorted(use.hints)) or remedy(code)
    return meaning, way_out or ("mend what it names" if code in FINDINGS else "")


def _row(code: str, use: Use) -> str:
    cells = (f"`{code}`", *said_of(code, use), "; ".join(sorted(use.does)))
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def page() -> str:
    """The reference page, one table per first word of the codes."""
    lines: list[str] = []
    group = ""
    for code, use in collect().items():
        if code.partition(".")[0] != group:
            group = code.partition(".")[0]
            lines += [
                "",
                f"## {group}",
                "",
                "| code | meaning | remedy | what happens |",
                "|---|---|---|---|",
            ]
        lines.append(_row(code, use))
    return PREFACE + "\n".join(lines[1:]) + "\n"


def main() -> int:
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
