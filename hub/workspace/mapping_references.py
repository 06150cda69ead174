"""What a mapping names: systems, resources, models, and the fields of both sides."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from hub.contract import Field, Resource
from hub.errors import ConfigError
from hub.workspace.builtin import HUB
from hub.workspace.explain import Loc, dotted, suggest
from hub.workspace.matching import BLOCK, MatchRule
from hub.workspace.scope import Scope
from hub.workspace.shape import MappingFile, ModelFile, Output
from hub.workspace.workspace import System

EACH: Final = re.compile(r"\s*(?P<list>[\w$]+(\.[\w$]+)*)\s+as\s+(?P<name>[A-Za-z_]\w*)\s*\Z", re.IGNORECASE)


def as_list(key: str | Sequence[str] | None) -> list[str]:
    """``key: A`` and ``key: [A, B]`` are both written."""
    return [] if key is None else [key] if isinstance(key, str) else list(key)


def check_mapping(scope: Scope, mapping: MappingFile) -> None:
    """All that one mapping names, of all its outputs."""
    source = None
    if "." in mapping.from_:
        source = _resource(scope, ("from",), mapping.from_, pushed=True)
    else:
        scope.known("model", mapping.from_, ("from",))
    _joined(scope, mapping, source)
    for index, output in enumerate(mapping.outputs):
        at: Loc = ("into", index) if isinstance(mapping.into, list) else ()
        _each(scope, mapping, output, at)
        if "." in output.into:
            _outbound(scope, mapping, output, at)
        elif "." not in mapping.from_:
            message = f"{mapping.from_} and {output.into} are both models"
            hint = "one side is a resource of a system, written system.resource"
            scope.error((*at, "into"), "mapping.direction", message, hint)
        else:
            _inbound(scope, mapping, output, at, source)


def _joined(scope: Scope, mapping: MappingFile, source: Resource | None) -> None:
    system = mapping.from_.partition(".")[0]
    taken = {field.name for field in source.fields} if source else set()
    for alias, joined in mapping.with_.items():
        path: Loc = ("with", alias, "from")
        if "." not in joined.from_ or joined.from_.partition(".")[0] != system:
            message = f"{dotted(path)}: {joined.from_} is not of the system of from"
            hint = f"write {system}.RESOURCE; records of several systems are joined in a model"
            scope.error(path, "reference.system", message, hint)
        else:
            _resource(scope, path, joined.from_)
        if alias in taken:
            message = f"with.{alias}: {mapping.from_} has a field of that name"
            scope.error(("with", alias), "name.duplicate", message, "choose another name", key=True)


def _each(scope: Scope, mapping: MappingFile, output: Output, at: Loc) -> None:
    if output.each is None:
        return
    path: Loc = (*at, "each")
    found = EACH.match(output.each)
    if found is None:
        hint = "for example each: to_Positions as p"
        scope.error(path, "each.syntax", f'each: "{output.each}" is not LIST as NAME', hint)
    elif found["name"] in mapping.with_:
        message = f'each: "{found["name"]}" is a name of with already'
        scope.error(path, "name.duplicate", message, "choose another name")


def _outbound(scope: Scope, mapping: MappingFile, output: Output, at: Loc) -> None:
    target = _resource(scope, (*at, "into"), output.into, writes=True)
    if target is not None and target.fields:
        for word in output.fields:
            _foreign(scope, word, (*at, "fields", word), target, output.into, key=True)
    _keys(scope, output, at, target, output.into)
    form = EACH.match(output.each or "") if "." in mapping.from_ else None
    for index, word in enumerate(as_list(output.key)):
        if word not in output.fields and not (form and f"{word}.".startswith(f"{form['name']}.")):
            hint = f"write {word} under fields: it identifies the record"
            path = _key_path(output, at, index)
            scope.error(path, "reference.field", f"the key {word} is not filled", hint)


def _inbound(scope: Scope, mapping: MappingFile, output: Output, at: Loc, source: Resource | None) -> None:
    _keys(scope, output, at, source, mapping.from_)
    if not scope.known("model", output.into, (*at, "into")) or output.into not in scope.built.models:
        return
    model = scope.built.models[output.into]
    filled: list[tuple[str, Loc]] = [(word, (*at, "fields", word)) for word in output.fields]
    scope.fields(filled, model.fields, f"the model {output.into}", key=True)
    for index, rule in enumerate(output.match):
        _match(scope, output, (*at, "match", index), rule, model)


def _match(scope: Scope, output: Output, at: Loc, rule: MatchRule, model: ModelFile) -> None:
    path: Loc = (*at, "on") if scope.written((*at, "on")) else at
    named = isinstance(rule.on, dict)
    scope.once(list(rule.on), path)
    compared: list[tuple[str, Loc]] = [
        (word, (*path, word if named else index)) for index, word in enumerate(rule.on)
    ]
    for number, entry in enumerate(rule.block):
        for index, key in enumerate([entry] if isinstance(entry, str) else entry):
            if found := BLOCK.fullmatch(key):
                place: Loc = (number,) if isinstance(entry, str) else (number, index)
                names = (name for name in (found["field"], found["other"]) if name)
                compared += [(name, (*at, "block", *place)) for name in names]
    scope.fields(compared, model.fields, f"the model {output.into}")
    for word, place in compared:
        if word in model.fields and word not in output.fields:
            message = f"match compares {word}, which this mapping does not fill"
            hint = f"write {word} under fields"
            scope.error(place, "reference.field", message, hint, level="warning")


def _key_path(output: Output, at: Loc, index: int) -> Loc:
    return (*at, "key", index) if isinstance(output.key, list) else (*at, "key")


def _keys(scope: Scope, output: Output, at: Loc, resource: Resource | None, whose: str) -> None:
    """The key names fields of the foreign record; an element of ``each`` may lend one."""
    keys = as_list(output.key)
    scope.once(keys, (*at, "key"))
    if resource is None:
        return
    if not keys and not resource.key:
        path: Loc = (*at, "into") if "." in output.into else ("from",)
        hint = "write key: FIELD, the field that identifies a record"
        scope.error(path, "value.missing", f"{whose} declares no key, and key is missing", hint)
    if resource.fields and output.each is None:
        for index, word in enumerate(keys):
            _foreign(scope, word, _key_path(output, at, index), resource, whose)


def _foreign(
    scope: Scope, word: str, path: Loc, resource: Resource, whose: str, *, key: bool = False
) -> None:
    """A dotted path leads to a field of the resource, as far as its shape is known."""
    level: Sequence[Field] = resource.fields
    for part in word.split("."):
        there = {field.name: field for field in level}
        if part not in there:
            message = f'{whose} has no field "{word}"'
            scope.error(path, "reference.field", message, suggest(part, there), key=key)
            return
        level = there[part].fields
        if not level:
            return


def _resource(
    scope: Scope, path: Loc, word: str, *, writes: bool = False, pushed: bool = False
) -> Resource | None:
    """The resource a word names, where that is known without connecting; ``pushed`` takes what events bring."""
    name, _, resource = word.partition(".")
    if name != HUB and not scope.known("system", name, path):
        return None
    system = scope.built.system(name)
    if system is None:
        return None
    reads = system.spec.reads or (pushed and system.spec.pushed)
    if not (system.spec.writes if writes else reads):
        message = f"{dotted(path)}: the connector {system.spec.name} does not {'write' if writes else 'read'}"
        scope.error(path, "connector.direction", message, "choose a system whose connector does")
        return None
    found = _described(scope, path, system, resource)
    return found if writes or found is None else found.read_as or found


def _described(scope: Scope, path: Loc, system: System, resource: str) -> Resource | None:
    message = f'{dotted(path)}: the system {system.name} has no resource "{resource}"'
    try:
        found = system.describe(resource)
    except ConfigError as error:
        if error.code == "resource.unknown":
            hint = suggest(resource, system.resources) or error.hint
            scope.error(path, "reference.resource", message, hint)
        else:
            scope.error(path, error.code, f"{dotted(path)}: {error.message}", error.hint)
        return None
    if found is None and resource not in system.resources:
        hint = suggest(resource, system.resources)
        if hint.startswith("did you mean"):
            scope.error(path, "reference.resource", f"{message} declared", hint, level="warning")
    return found
