"""Pydantic's errors, said for an integrator: where, what is wrong, and what to write instead."""

from __future__ import annotations

import difflib
import json
import re
import types
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from hub.errors import Finding
from hub.workspace.located import Layered, Located, Place

Loc = tuple[str | int, ...]

MANY: Final = 300
PRIVATE: Final = re.compile(
    r"auth|bearer|basic|pass|pwd|secret|token|key|credential|private|cookie|sas|signature|connection|dsn",
    re.IGNORECASE,
)
WORDS: Final = {
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dataclass_type": "a mapping",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "none_required": "empty",
    "set_type": "a list",
    "mapping_type": "a mapping",
}
PATTERNS: Final = {
    r"^[a-z][a-z0-9_-]{0,62}$": "lower case letters, digits, - and _, starting with a letter",
    r"^[a-z][a-z0-9_]{0,62}$": "lower case letters, digits and _, starting with a letter",
    r"^\d+(ms|s|m|h|d)$": "a number and ms, s, m, h or d, such as 15m",
    r"^(\d+(\.\d+)?%?|off)$": "a count such as 50, a percentage such as 2%, or off",
    r"^\d+(\.\d+)?%$": "a percentage such as 5%",
    "^secret://": "a reference such as secret://NAME/PART, and set it with: cophub secrets set NAME/PART",
}


def suggest(word: object, known: Iterable[str]) -> str:
    """The names that come close, or what there is to choose from; empty where there is nothing."""
    names = sorted(set(known))
    if len(names) > MANY:  # comparing is slow, and thousands of findings may want it
        names = [name for name in names if name[:1].lower() == str(word)[:1].lower()]
    by_case = {name.lower(): name for name in names}
    close = difflib.get_close_matches(str(word).lower(), by_case, n=2, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(by_case[name] for name in close) + "?"
    if not names:
        return ""
    return "known: " + ", ".join(names[:12]) + (" …" if len(names) > 12 else "")


def explain(error: ValidationError, file: Located | Layered, shape: Any, prefix: Loc = ()) -> list[Finding]:
    """Findings of one failed validation. ``prefix`` is where the validated part stands in the file."""
    details = [(_path(item, file, prefix), item) for item in error.errors(include_url=False)]
    findings = []
    done: set[Loc] = set()
    for path, item in details:
        if not _is_branch(item):
            findings.append(_finding(path, [item], file, shape, prefix))
        elif path not in done and not any(_inside(other, path) for other, _ in details):
            done.add(path)
            branches = [other for at, other in details if at == path]
            findings.append(_finding(path, branches, file, shape, prefix))
    return findings


def prune(error: ValidationError, value: Any, file: Located | Layered, prefix: Loc = ()) -> Any:
    """A copy of a value without the parts that are wrong, so that the rest of a file can be checked in
    the same pass. A wrong element takes its whole list along, a missing key what it is missing from."""
    details = [(_path(item, file, prefix), item) for item in error.errors(include_url=False)]
    rest = deepcopy(value)
    for path, item in details:
        if _is_branch(item) and any(_inside(other, path) for other, _ in details):
            continue
        steps = list(path[len(prefix) :])
        if item["type"] == "missing":
            steps.pop()
        while steps and isinstance(steps[-1], int):
            steps.pop()
        holder = rest
        for step in steps[:-1]:
            holder = _item(holder, step)
        if steps and isinstance(holder, dict):
            holder.pop(steps[-1], None)
    return rest


def _item(holder: Any, step: str | int) -> Any:
    if isinstance(holder, dict):
        return holder.get(step)
    return holder[step] if isinstance(holder, list) and isinstance(step, int) and step < len(holder) else None


def _path(item: ErrorDetails, file: Located | Layered, prefix: Loc) -> Loc:
    """The error's place as steps in the file: names of unions and validators fall out, a key that is
    missing stays as the last step."""
    loc = (*prefix, *item["loc"])
    path = file.walk(loc)
    if item["type"] == "missing":
        return (*path, str(loc[-1]))
    return path


def _is_branch(item: ErrorDetails) -> bool:
    """Whether it may be one of several ways to write a value (a branch of a union) that did not fit."""
    return item["type"] in WORDS or item["type"] in ("literal_error", "is_instance_of")


def _inside(other: Loc, path: Loc) -> bool:
    return len(other) > len(path) and other[: len(path)] == path


def _finding(
    path: Loc, items: Sequence[ErrorDetails], file: Located | Layered, shape: Any, prefix: Loc
) -> Finding:
    item = items[0]
    kind, name = item["type"], dotted(path)
    if kind == "extra_forbidden":
        fields = fields_at(shape, path[len(prefix) : -1])
        return _make(
            file.place(path, key=True),
            "key.unknown",
            f"{name}: there is no such key",
            suggest(path[-1], fields),
        )
    if kind == "missing":
        field = fields_at(shape, path[len(prefix) : -1]).get(str(path[-1]))
        return _make(
            file.place(path[:-1]), "value.missing", f"{name} is missing", example(str(path[-1]), field)
        )
    if item["loc"] and item["loc"][-1] == "[key]":
        return _make(
            file.place(path, key=True),
            "value.pattern",
            f'the key "{path[-1]}" is not allowed here',
            _pattern(item),
        )
    code, message, hint = _words(path, items, file, shape, prefix)
    return _make(file.place(path), code, f"{name}: {message}" if name else message, hint)


def _words(
    path: Loc, items: Sequence[ErrorDetails], file: Located | Layered, shape: Any, prefix: Loc
) -> tuple[str, str, str]:
    item = items[0]
    kind, shown = item["type"], show(item["input"], hidden=_hidden(file, path))
    choices = [choice for one in items for choice in _choices(one)]
    types_ = list(dict.fromkeys(WORDS[one["type"]] for one in items if one["type"] in WORDS))
    if choices and isinstance(item["input"], str):
        return "value.choice", f"{shown} is not one of the choices", suggest(item["input"], choices)
    if types_ or choices:
        wanted = " or ".join([*types_, *([f"one of {', '.join(choices)}"] if choices else [])])
        return (
            "value.type",
            f"must be {wanted}, not {shown}",
            _type_hint(item, types_, path, shape, prefix, _hidden(file, path)),
        )
    if kind == "string_pattern_mismatch":
        return "value.pattern", f"{shown} has not the form asked for", _pattern(item)
    if kind == "too_short" or kind == "string_too_short":
        return (
            "value.missing",
            "is empty",
            example(str(path[-1]), _field(shape, path, prefix)) if path else "",
        )
    if kind in ("value_error", "assertion_error"):
        text = str(item.get("ctx", {}).get("error", item["msg"])).removeprefix("Value error, ")
        return "value.invalid", text, ""
    return "value.range", f"{shown} is not allowed", item["msg"].replace("Input should be", "it should be")


def _type_hint(
    item: ErrorDetails, wanted: list[str], path: Loc, shape: Any, prefix: Loc, hidden: bool
) -> str:
    value = item["input"]
    if "text" in wanted and isinstance(value, (int, float)) and not hidden:
        return f'put it in quotes: "{str(value).lower() if isinstance(value, bool) else value}"'
    if value is None and any(isinstance(step, str) and re.search(r"[(),]", step) for step in path):
        return "inside { } a value with a comma stands in quotes"
    if "true or false" in wanted and isinstance(value, str):
        return "write true or false without quotes; yes, no, on and off are text in YAML 1.2"
    return example(str(path[-1]), _field(shape, path, prefix)) if path else ""


def _choices(item: ErrorDetails) -> list[str]:
    return re.findall(r"'([^']*)'", str(item.get("ctx", {}).get("expected", "")))


def _pattern(item: ErrorDetails) -> str:
    pattern = str(item.get("ctx", {}).get("pattern", ""))
    return f"write {PATTERNS[pattern]}" if pattern in PATTERNS else f"it must match {pattern}"


def _make(place: Place, code: str, message: str, hint: str) -> Finding:
    return Finding(*place, "error", code, message, hint)


def dotted(path: Sequence[str | int]) -> str:
    """``fields.name``, ``into[1].match[0]``: a place in a file as one reads it."""
    text = ""
    for step in path:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def show(value: object, *, hidden: bool = False) -> str:
    """A value for a message: short, and nothing of it where it may be a secret."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "empty"
    if hidden:
        return "what stands here"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"the number {value}"
    text = str(value)
    return f'"{text if len(text) <= 60 else text[:57] + "…"}"'


def _hidden(file: Located | Layered, path: Loc) -> bool:
    """Whether a secret may stand there by mistake; mappings, models and code lists hold none."""
    harmless = file.path.startswith(("mappings/", "config/models/", "config/codes/"))
    return not harmless and PRIVATE.search(dotted(path)) is not None


def example(name: str, field: FieldInfo | None) -> str:
    """A hint out of a field's own declaration."""
    if field is None:
        return ""
    examples = field.examples or []
    if examples:
        return f"for example {name}: {_inline(examples[0])}"
    return field.description or ""


def _inline(value: object) -> str:
    """A value in YAML's one-line form, quotes only where YAML needs them."""
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z_](?:[^:#{}\[\],&*!|>'\"%@`]|:(?=\S))*", value):
        return value
    return json.dumps(value, ensure_ascii=False)


# ---------------------------------------------------------------- what keys a place knows


def fields_at(shape: Any, path: Sequence[str | int]) -> dict[str, FieldInfo]:
    """The keys, with their declarations, of all shapes a place may have."""
    shapes = list(_models(shape))
    for step in path:
        shapes = [inner for outer in shapes for inner in _step(outer, step)]
    found: dict[str, FieldInfo] = {}
    for one in shapes:
        if isinstance(one, type) and issubclass(one, BaseModel):
            found |= {field.alias or name: field for name, field in one.model_fields.items()}
    return found


def _field(shape: Any, path: Loc, prefix: Loc) -> FieldInfo | None:
    inner = path[len(prefix) :]
    return fields_at(shape, inner[:-1]).get(str(inner[-1])) if inner else None


def _models(annotation: Any) -> Iterable[Any]:
    """The alternatives of an annotation, without Annotated, Optional and unions around them."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _models(get_args(annotation)[0])
    elif origin is Union or origin is types.UnionType:
        for part in get_args(annotation):
            yield from _models(part)
    elif origin is not Literal:
        yield annotation


def _step(shape: Any, step: str | int) -> Iterable[Any]:
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        for name, field in shape.model_fields.items():
            if step == (field.alias or name):
                yield from _models(field.annotation)
        return
    origin, parts = get_origin(shape), get_args(shape)
    if isinstance(origin, type) and issubclass(origin, Mapping) and len(parts) == 2:
        yield from _models(parts[1])
    elif isinstance(step, int) and parts and origin in (list, tuple, Sequence):
        yield from _models(parts[0])
