"""Checks across files that need no knowledge of expressions: does what is named exist?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hub.errors import Finding
from hub.workspace.build import Built
from hub.workspace.client_references import check_clients
from hub.workspace.explain import Loc, dotted, suggest
from hub.workspace.gather import Gathered
from hub.workspace.guard_references import check_approvals, check_limits
from hub.workspace.idle import (
    check_after,
    check_alerts,
    check_classes,
    check_crons,
    check_directions,
    check_draft,
    check_effective,
    check_events,
    check_messages,
    check_pushed,
    check_windows,
    check_zone,
)
from hub.workspace.leaving_references import check_leaving
from hub.workspace.login_references import check_login
from hub.workspace.mapping_references import check_mapping
from hub.workspace.scim_references import check_scim
from hub.workspace.scope import Scope, names_of
from hub.workspace.shape import CodesFile, ModelField, ModelFile, Output, TestCase
from hub.workspace.todo_references import check_task_center, check_todos
from hub.workspace.writing_references import check_writing


def check(built: Built, gathered: Gathered) -> list[Finding]:
    """All references of all files that could be built."""
    names = names_of(gathered)
    findings: list[Finding] = []
    check_approvals(Scope(built, names, "hub", "", findings), built)
    check_zone(Scope(built, names, "hub", "", findings), built)
    check_alerts(Scope(built, names, "hub", "", findings), built)
    check_task_center(Scope(built, names, "hub", "", findings), built)
    check_login(Scope(built, names, "hub", "", findings), built)
    for name, hook in built.hub.webhooks.items() if built.hub else ():
        for index, word in enumerate(hook.models):
            Scope(built, names, "hub", "", findings).known("model", word, ("webhooks", name, "models", index))
    for name in built.systems:
        check_scim(Scope(built, names, "system", name, findings), built)
        check_windows(Scope(built, names, "system", name, findings), built, name)
    for name, model in built.models.items():
        _model(Scope(built, names, "model", name, findings), model)
        check_classes(Scope(built, names, "model", name, findings), model)
    for name, codes in built.codes.items():
        _codes(Scope(built, names, "codes", name, findings), codes)
    check_clients(built, names, findings)
    for name, mapping in built.mappings.items():
        check_mapping(Scope(built, names, "mapping", name, findings), mapping)
        check_limits(Scope(built, names, "mapping", name, findings), mapping)
        check_writing(Scope(built, names, "mapping", name, findings), mapping)
        check_leaving(Scope(built, names, "mapping", name, findings), mapping)
        check_todos(Scope(built, names, "mapping", name, findings), mapping)
        check_directions(Scope(built, names, "mapping", name, findings), mapping)
        check_effective(Scope(built, names, "mapping", name, findings), mapping)
        check_events(Scope(built, names, "mapping", name, findings), mapping)
        check_crons(Scope(built, names, "mapping", name, findings), mapping)
        check_after(Scope(built, names, "mapping", name, findings), mapping)
        check_pushed(Scope(built, names, "mapping", name, findings), mapping)
        check_draft(Scope(built, names, "mapping", name, findings), mapping)
        check_messages(Scope(built, names, "mapping", name, findings), mapping)
    for name, cases in built.tests.items():
        _tests(Scope(built, names, "test", name, findings), cases)
    return findings


def _model(scope: Scope, model: ModelFile) -> None:
    keys: Iterable[tuple[str, Loc]] = ((word, ("key", index)) for index, word in enumerate(model.key))
    scope.fields(keys, model.fields, f"the model {scope.name}")
    scope.once(model.key, ("key",))
    for name, field in model.fields.items():
        path: Loc = ("fields", name)
        _named(scope, path, field, "ref", "model", field.model)
        _named(scope, path, field, "code", "list", field.list_)
        if field.pattern is not None:
            _pattern(scope, (*path, "pattern"), field.pattern)
        writers = scope.names["mapping"] | scope.names["system"]
        for index, word in enumerate(field.rank):
            if word not in writers:
                message = f'{dotted(path)}: rank names "{word}", which is neither a mapping nor a system'
                scope.error((*path, "rank", index), "reference.rank", message, suggest(word, writers))


def _named(scope: Scope, path: Loc, field: ModelField, type_: str, option: str, value: str | None) -> None:
    """A ref names its model, a code its list, and no other type does."""
    if value is not None and field.type == type_:
        scope.known("model" if type_ == "ref" else "codes", value, (*path, option))
    elif value is not None and field.type == _written_type(scope, path):
        message = f"{dotted(path)}: only type {type_} takes {option}"
        hint = f"write type: {type_}, or remove {option}"
        scope.error((*path, option), "key.misplaced", message, hint, key=True)
    elif value is None and field.type == type_:
        example = f"{{type: {type_}, {option}: {'supplier' if type_ == 'ref' else 'country'}}}"
        scope.error(
            path, "value.missing", f"{dotted(path)}: a {type_} names its {option}", f"for example {example}"
        )


def _written_type(scope: Scope, path: Loc) -> object:
    """The type as the file says it: a wrong one has been found already and says nothing further."""
    content = scope.built.contents[scope.kind, scope.name]
    return content["fields"][path[1]].get("type", "text")


def _pattern(scope: Scope, path: Loc, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        message = f"{dotted(path)} is no regular expression: {error}"
        scope.error(path, "value.pattern", message, "write backslashes once, and the text in single quotes")


def _codes(scope: Scope, codes: CodesFile) -> None:
    for system, values in codes.systems.items():
        scope.known("system", system, ("systems", system), key=True)
        for theirs, ours in values.items():
            if ours not in codes.values:
                message = f'systems.{system}.{theirs}: the list has no value "{ours}"'
                path: Loc = ("systems", system, theirs)
                scope.error(path, "reference.value", message, suggest(ours, codes.values))


def _tests(scope: Scope, cases: Iterable[TestCase]) -> None:
    if scope.name not in scope.names["mapping"]:
        message = f'there is no mapping "{scope.name}" to test'
        scope.error((), "reference.mapping", message, suggest(scope.name, scope.names["mapping"]))
        return
    mapping = scope.built.mappings.get(scope.name)
    if mapping is None:
        return
    outputs = {output.into: output for output in mapping.outputs}
    for index, case in enumerate(cases):
        _case(scope, index, case, outputs)


def _case(scope: Scope, index: int, case: TestCase, outputs: dict[str, Output]) -> None:
    if case.into is not None and case.into not in outputs:
        message = f'the mapping has no output "{case.into}"'
        scope.error((index, "into"), "test.output", message, suggest(case.into, outputs))
    elif case.into is None and len(outputs) > 1 and not case.expect_none:
        message = "the mapping has several outputs, and into is missing"
        scope.error((index,), "test.output", message, f"write into: {next(iter(outputs))}")
    else:
        output = outputs[case.into or next(iter(outputs))]
        expected: Iterator[tuple[str, Loc]] = ((word, (index, "expect", word)) for word in case.expect or ())
        nested = {word.partition(".")[0] for word in output.fields}  # dotted names may stand nested
        scope.fields(expected, {*output.fields, *nested}, "the mapping's output", key=True)
        problem = (case.expect_problem or {}).get("field")
        if problem is not None:
            path: Loc = (index, "expect_problem", "field")
            scope.fields([(problem, path)], output.fields, "the mapping's output")
