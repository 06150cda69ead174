"""``until_free`` of a mapping: further candidates of a field, as columns beside those of the output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from hub.errors import ConfigError
from hub.mapping.compiled import Column
from hub.mapping.dates import File, Place
from hub.mapping.record import path_text, suggestion
from hub.mapping.scope import Expression
from hub.mapping.syntax import Issue
from hub.workspace.shape import ModelFile, Output
from hub.workspace.until_free import UntilFree
from hub.workspace.workspace import Workspace


def spare(name: str, number: int) -> str:
    """The column of a field's further candidate: no field has a name like it."""
    return f"{name}~{number}"


def field_of(column: str) -> tuple[str, int | None]:
    """The field whose candidate a column is, and which of them; None: the field itself."""
    name, _, number = column.partition("~")
    return name, int(number) if number else None


def spares(
    output: Output,
    model: ModelFile | None,
    at: Place,
    translated: Callable[[Place, str], Expression | None],
    file: File,
) -> list[Column | None]:
    """All further candidates of an output; None for what does not translate, or cannot be used so."""
    found: list[Column | None] = []
    for name, rule in output.fields.items():
        if rule.until_free is None:
            continue
        path = (*at, "fields", name, "until_free")
        for issue in _misused(name, output, model):
            file.find(path, issue)
            found.append(None)
        for number, text in enumerate(rule.until_free.then):
            place = (*path, "then", number)
            expression = translated(place, text)
            found.append(None if expression is None else _column(spare(name, number), expression, file.place(place)))
    return found


def _column(name: str, expression: Expression, place: str) -> Column:
    inputs = tuple(path_text(one) for one in expression.inputs)
    return Column(name, f"CAST({expression.sql} AS VARCHAR)", "VARCHAR", "normal", inputs, None, place, expression)


def _misused(name: str, output: Output, model: ModelFile | None) -> Iterator[Issue]:
    declared = model.fields.get(name) if model else None
    if model is None:
        what = f"{name}: only a field of a model can be tried until nobody has its value"
        yield Issue("until_free.field", what, "write it in the mapping that makes the model's records")
    elif declared and (declared.type != "text" or declared.many or not declared.unique):
        what = f"{name} of {model.model} is not one text that is unique"
        yield Issue("until_free.field", what, f"in config/models/{model.model}.yaml: {{type: text, unique: true}}")
    if any(name in rule.on for rule in output.match):
        what = f"match compares {name}, whose value is only made when it is known who the record is"
        yield Issue("until_free.match", what, "match by what the source says of the person, such as a number")


def widened(columns: Iterable[Column], extra: Sequence[Column]) -> list[Column]:
    """The columns, each reading what its further candidates read as well: a value is as secret as what it may be."""
    read: dict[str, tuple[str, ...]] = {}
    for one in extra:
        name, _ = field_of(one.name)
        read[name] = (*read.get(name, ()), *one.inputs)
    return [
        replace(one, inputs=tuple(dict.fromkeys((*one.inputs, *read[one.name])))) if one.name in read else one
        for one in columns
    ]


def place_of(text: str) -> tuple[str, str, str]:
    """System, resource and field of ``system.resource.field``; empty where one is missing."""
    system, _, rest = text.partition(".")
    resource, _, field = rest.partition(".")
    return system, resource, field


def beside_issues(rule: UntilFree, workspace: Workspace) -> Iterator[tuple[int, Issue]]:
    """What is wrong with the places in which a value must be free as well, with their numbers."""
    for number, text in enumerate(rule.beside):
        system, resource, field = place_of(text)
        if not field:
            yield number, Issue("until_free.beside", f"{text} is not system.resource.field")
            continue
        if system not in workspace.systems:
            what = f"{text}: there is no system {system}"
            yield number, Issue("until_free.beside", what, suggestion(system, workspace.systems))
            continue
        try:
            described = workspace.system(system).describe(resource)
        except ConfigError as error:
            yield number, Issue("until_free.beside", f"{text}: {error.message}", error.hint)
            continue
        known = {one.name for one in described.fields} if described else set()
        if known and field.partition(".")[0] not in known:
            what = f"{text}: {system}.{resource} has no field {field}"
            yield number, Issue("until_free.beside", what, suggestion(field, known))
