"""``with``: another resource of the same system, joined into the record by equal fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from hub.mapping.record import ELEMENT, Path, Structure, dotted, quoted, structure, structure_text
from hub.mapping.syntax import Issue, parse
from hub.workspace.shape import With


@dataclass(frozen=True, slots=True)
class Join:
    """A resource joined into the record under ``alias``, as the one matching record or as a list.

    ``shape`` and ``structure`` (its text) are what is needed of its records, ``paths`` the dotted
    fields. ``pairs`` are equal texts: SQL over ``r`` (the record) and over ``j`` (the other).
    """

    alias: str
    system: str
    resource: str
    many: bool
    structure: str
    paths: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    shape: Mapping[str, Structure] = field(default_factory=dict, hash=False)


def compile_join(
    alias: str, rule: With, paths: Iterable[Path]
) -> tuple[Join | None, Issue | None, list[Path]]:
    """The join, or why there is none; and the record's own paths that its condition reads."""
    tree, issue = parse(rule.on)
    if tree is None:
        return None, issue, []
    pairs = [_pair(alias, part) for part in _conjunction(tree)]
    form = Issue(
        "with.on",
        "on: takes equal fields of both records, joined by AND",
        f"for example {alias}.Number = Number",
    )
    if not pairs or None in pairs:
        return None, form, []
    kept = [pair for pair in pairs if pair is not None]
    inner = {path[1:] for path in paths if path[0] == alias}
    if rule.many:
        inner = {path[1:] for path in inner if path[0] == ELEMENT}
    needed = {path for path in inner if path} | {theirs for _, theirs in kept}
    system, _, resource = rule.from_.partition(".")
    shape = structure(needed)
    assert isinstance(shape, dict)
    return (
        Join(
            alias,
            system,
            resource,
            rule.many,
            structure_text(shape),
            dotted(needed),
            tuple((_text(ours, "r"), _text(theirs, "j")) for ours, theirs in kept),
            shape,
        ),
        None,
        [ours for ours, _ in kept],
    )


def _conjunction(tree: exp.Expr) -> Iterable[exp.Expr]:
    while isinstance(tree, exp.Paren):
        tree = tree.this
    if isinstance(tree, exp.And):
        return [*_conjunction(tree.this), *_conjunction(tree.expression)]
    return [tree]


def _pair(alias: str, tree: exp.Expr) -> tuple[Path, Path] | None:
    """Our path and theirs, of an equation with exactly one side of the alias."""
    if not isinstance(tree, exp.EQ):
        return None
    sides = [_path(tree.this), _path(tree.expression)]
    own = [side for side in sides if side and side[0] != alias]
    other = [side[1:] for side in sides if side and side[0] == alias and len(side) > 1]
    return (own[0], other[0]) if len(own) == 1 and len(other) == 1 else None


def _path(tree: exp.Expr) -> Path | None:
    if not isinstance(tree, exp.Column) or isinstance(tree.this, exp.Star):
        return None
    return tuple(tree.args[key].name for key in ("catalog", "db", "table", "this") if tree.args.get(key))


def _text(path: Path, root: str) -> str:
    return "CAST(" + root + "".join(f".{quoted(part)}" for part in path) + " AS VARCHAR)"
