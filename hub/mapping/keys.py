"""Keys: of the record read, of an element of ``each``, and of the record written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hub.contract import Resource
from hub.mapping.record import Node, Path, quoted, suggestion
from hub.mapping.syntax import Issue
from hub.workspace.shape import MappingFile, Output

Report = Callable[[tuple[str | int, ...], Issue], None]


def reading(path: Path, root: str = "r") -> str:
    """SQL that reads a path of plain names below a root."""
    return root + "".join(f".{quoted(part)}" for part in path)


def key_sql(parts: Sequence[str]) -> str:
    """SQL of ``hub.contract.key_text``: one text, or a JSON array of texts."""
    texts = [f"COALESCE(CAST({part} AS VARCHAR), '')" for part in parts]
    if len(texts) == 1:
        return texts[0]
    return f"CAST(TO_JSON([{', '.join(texts)}]) AS VARCHAR)"


@dataclass(frozen=True, slots=True)
class Keys:
    """``sql`` gives the record's key text (None from a model, and where only the
    running system knows its key), ``fields`` are its parts; ``item`` gives
    the texts of an element's own key over ``e``; ``target`` names the output fields that identify the
    record written; ``paths`` is what all of this reads."""

    sql: str | None = None
    fields: tuple[str, ...] = ()
    item: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    paths: tuple[Path, ...] = field(default=())


def keys_of(
    mapping: MappingFile,
    output: Output,
    at: tuple[str | int, ...],
    *,
    record: Node,
    source: Resource | None,
    target: Resource | None,
    each: tuple[str, Path] | None,
    report: Report,
) -> Keys:
    """Read ``key:`` of mapping and output. ``at`` is where the output stands; ``each`` its alias and
    the path of its elements; ``record`` the shape of the record read, ``source`` and ``target`` the
    resources, where known."""
    listed = isinstance(mapping.into, list)
    given = names(output.key) or (() if listed else names(mapping.key))
    own, outer = _divided(given, each[0] if each else "")
    parts = [tuple(name.split(".")) if name else () for name in own]
    item = tuple(f"CAST({reading(part, 'e')} AS VARCHAR)" for part in parts)
    paths: list[Path] = [(*each[1], *part) for part in parts] if each else []
    if each and not own:
        report(
            (*at, "each"),
            Issue("each.key", "each: the elements have no key", f"for example key: {each[0]}.Id"),
        )
    from_model = "." not in mapping.from_
    written = _target(output, outer, target, from_model, at, report) if "." in output.into else ()
    if from_model:
        return Keys(item=item, target=written, paths=tuple(paths))
    fields = names(mapping.key) if listed else () if written and set(outer) <= set(output.fields) else outer
    fields = fields or (source.key if source else ())
    if not fields:
        if source is not None and source.fields:
            report(
                ("from",),
                Issue(
                    "key.missing", f"{mapping.from_} has no key", "say key: below the mapping or the resource"
                ),
            )
        return Keys(item=item, target=written, paths=tuple(paths))
    ours: list[Path] = [tuple(name.split(".")) for name in fields]
    _known(record, ours, report)
    return Keys(key_sql([reading(path) for path in ours]), fields, item, written, (*paths, *ours))


def names(key: str | list[str] | None) -> tuple[str, ...]:
    """``key: A`` and ``key: [A, B]`` are both written."""
    return () if key is None else (key,) if isinstance(key, str) else tuple(key)


def _divided(given: tuple[str, ...], alias: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The parts of the element (without its alias; empty for the element itself), and those of the record."""
    prefix = f"{alias}."
    own = tuple(name[len(prefix) :] for name in given if alias and f"{name}.".startswith(prefix))
    return own, tuple(name for name in given if not (alias and f"{name}.".startswith(prefix)))


def _known(record: Node, paths: list[Path], report: Report) -> None:
    known = record.fields
    if known is None or record.type == "open":
        return
    for path in paths:
        if path[0] not in known:
            report(
                ("key",),
                Issue("field.unknown", f"key: the record has no field {path[0]}", suggestion(path[0], known)),
            )


def _target(
    output: Output,
    given: tuple[str, ...],
    target: Resource | None,
    from_model: bool,
    at: tuple[str | int, ...],
    report: Report,
) -> tuple[str, ...]:
    """What was given, where it names output fields; else the target resource's own key."""
    if given and set(given) <= set(output.fields):
        return given
    if given and from_model:
        missing = next(name for name in given if name not in output.fields)
        report(
            (*at, "key"),
            Issue(
                "key.unmapped", f"key: no rule gives {missing} a value", suggestion(missing, output.fields)
            ),
        )
        return given
    own = tuple(n for n in target.key if n in output.fields or n not in target.optional) if target else ()
    return own if set(own) <= set(output.fields) else ()
