"""Reactions to what leaves: the words of the direction, and what disabling writes to a target."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hub.workspace.explain import Loc, dotted, suggest
from hub.workspace.mapping_references import as_list
from hub.workspace.scope import Scope
from hub.workspace.shape import MappingFile, Output
from hub.workspace.writing_references import described

OF_MODELS: Final = ("ignore", "disable", "delete", "unlink")
OF_TARGETS: Final = ("keep", "disable", "delete")
SAME: Final = {"ignore": "keep", "keep": "ignore", "unlink": "keep"}
"""What a word of the other direction comes nearest to."""


def check_leaving(scope: Scope, mapping: MappingFile) -> None:
    """Every output's ``absent``, ``out_of_scope`` and ``disable``."""
    for index, output in enumerate(mapping.outputs):
        at: Loc = ("into", index) if isinstance(mapping.into, list) else ()
        target = "." in output.into
        for path, word in _words(output, at):
            if scope.written(path) and word not in (OF_TARGETS if target else OF_MODELS):
                _misplaced(scope, path, word, output, target=target)
        if target:
            _target(scope, mapping, output, at)


def _words(output: Output, at: Loc) -> Iterator[tuple[Loc, str]]:
    """Every reaction with its place; a word may stand in place of the object."""
    yield (*at, "out_of_scope"), output.out_of_scope.reaction
    if not output.absent.steps:
        yield (*at, "absent"), output.absent.reaction
    for number, step in enumerate(output.absent.steps):
        yield (*at, "absent", number), step.reaction


def _misplaced(scope: Scope, path: Loc, word: str, output: Output, *, target: bool) -> None:
    words, what = (OF_TARGETS, "a target") if target else (OF_MODELS, "a model")
    message = f"{dotted(path)}: {word} is no reaction where {what} is written ({output.into})"
    scope.error(path, "reaction.direction", message, f"write {SAME[word]}, or another of {', '.join(words)}")


def _target(scope: Scope, mapping: MappingFile, output: Output, at: Loc) -> None:
    chains = {"out_of_scope": output.out_of_scope.chain, "absent": output.absent.chain}
    if (resource := described(scope, output)) is not None and resource.replaces:
        _whole(scope, output, at)
        return
    disables = [name for name, chain in chains.items() if any(step.reaction == "disable" for step in chain)]
    if disables and not scope.written((*at, "disable")):
        path: Loc = (*at, disables[0])
        message = f"{dotted(path)}: nothing says what disabling writes to {output.into}"
        scope.error(path, "disable.missing", message, "for example disable: {active: false}")
    if scope.written((*at, "disable")) and not disables:
        path = (*at, "disable")
        message = f"{dotted(path)}: neither out_of_scope nor absent disables"
        hint = "write out_of_scope: disable or absent: disable, or remove it"
        scope.error(path, "disable.unused", message, hint, level="warning", key=True)
    keys = as_list(output.key) or list(resource.key if resource else ())
    _fields(scope, output, at, keys)
    if chains["out_of_scope"] and output.each:
        message = "an element that no longer meets where is gone from its record: absent says what happens"
        scope.error((*at, "out_of_scope"), "reaction.elements", message, "remove out_of_scope, write absent")
    elif chains["out_of_scope"] and not (output.where or mapping.where):
        message = "without where nothing is ever out of scope"
        scope.error((*at, "out_of_scope"), "reaction.unused", message, "write where", level="warning")


def _fields(scope: Scope, output: Output, at: Loc, keys: list[str]) -> None:
    """What disabling sets comes back by the mapping's own rule, and names no other object."""
    for name in output.disable or {}:
        path: Loc = (*at, "disable", name)
        if name in keys:
            message = f"{dotted(path)}: {name} is the key by which {output.into} is written"
            scope.error(path, "disable.key", message, "disable by another field", key=True)
        elif name not in output.fields:
            message = f"{dotted(path)}: no rule gives {name} a value, so nothing would enable it again"
            hint = suggest(name, output.fields)
            if not hint.startswith("did you mean"):
                hint = f"write {name} under fields, with its value while it is in use"
            scope.error(path, "disable.unmapped", message, hint, key=True)


def _whole(scope: Scope, output: Output, at: Loc) -> None:
    """What is written as a whole holds what is in scope: nothing of the rest can stay in it."""
    words = [(path, word) for path, word in _words(output, at) if word != "delete"]
    if output.disable:
        words.append(((*at, "disable"), "disable"))
    for path, word in words:
        if scope.written(path):
            message = f"{dotted(path)}: {output.into} is written as a whole, what leaves is not in it any more"
            hint = f"remove {word}, or keep the record in scope and map a field that says it is not in use"
            scope.error(path, "reaction.whole", message, hint)

