"""Checks across files that need no knowledge of expressions: does what is named exist?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from hub.contract import Field, Resource
from hub.errors import ConfigError, Finding
from hub.workspace.build import Built
from hub.workspace.explain import Loc, dotted, suggest
from hub.workspace.gather import Gathered
from hub.workspace.shape import CodesFile, MappingFile, ModelField, ModelFile, Output, TestCase
from hub.workspace.workspace import Kind, System

EACH: Final = re.compile(r"\s*(?P<list>[\w$]+(\.[\w$]+)*)\s+as\s+(?P<name>[A-Za-z_]\w*)\s*\Z", re.IGNORECASE)


def check(built: Built, gathered: Gathered) -> list[Finding]:
    """All references of all files that could be built."""
    checker = _Checker(built, gathered)
    for name, model in built.models.items():
        checker.model(name, model)
    for name, codes in built.codes.items():
        checker.codes(name, codes)
    for name, mapping in built.mappings.items():
        checker.mapping(name, mapping)
    for name, cases in built.tests.items():
        checker.tests(name, cases)
    return checker.findings


def as_list(key: str | Sequence[str] | None) -> list[str]:
    """``key: A`` and ``key: [A, B]`` are both written."""
    return [] if key is None else [key] if isinstance(key, str) else list(key)


class _Checker:
    """Collects findings; ``names`` hold broken files as well, which are known, only not usable."""

    def __init__(self, built: Built, gathered: Gathered) -> None:
        self.built = built
        self.findings: list[Finding] = []
        self.names: dict[Kind, set[str]] = {kind: set() for kind in ("system", "model", "codes", "mapping")}
        for kind, name in (*gathered.files, *gathered.broken):
            if kind in self.names:
                self.names[kind].add(name)

    def error(
        self,
        kind: Kind,
        name: str,
        path: Loc,
        code: str,
        message: str,
        hint: str = "",
        *,
        level: str = "error",
        key: bool = False,
    ) -> None:
        place = self.built.files[kind, name].place(path, key=key)
        self.findings.append(Finding(*place, level, code, message, hint))

    def known(self, wanted: Kind, word: str, kind: Kind, name: str, path: Loc, *, key: bool = False) -> bool:
        if word in self.names[wanted]:
            return True
        what = "code list" if wanted == "codes" else wanted
        code = "reference.list" if wanted == "codes" else f"reference.{wanted}"
        self.error(
            kind,
            name,
            path,
            code,
            f'{dotted(path)}: there is no {what} "{word}"',
            suggest(word, self.names[wanted]) or f"there is no {what} yet",
            key=key,
        )
        return False

    def fields(
        self,
        words: Iterable[tuple[str, Loc]],
        known: Iterable[str],
        kind: Kind,
        name: str,
        whose: str,
        *,
        key: bool = False,
    ) -> None:
        there = set(known)
        for word, path in words:
            if word not in there:
                self.error(
                    kind,
                    name,
                    path,
                    "reference.field",
                    f'{whose} has no field "{word}"',
                    suggest(word, there),
                    key=key,
                )

    def repeated(self, words: Sequence[str], kind: Kind, name: str, path: Loc) -> None:
        for index, word in enumerate(words):
            if word in words[:index]:
                self.error(
                    kind,
                    name,
                    (*path, index),
                    "name.duplicate",
                    f'{dotted(path)}: "{word}" stands there twice',
                    "remove one of the two",
                )

    # ------------------------------------------------------------ models and code lists

    def model(self, name: str, model: ModelFile) -> None:
        self.fields(
            ((word, ("key", index)) for index, word in enumerate(model.key)),
            model.fields,
            "model",
            name,
            f"the model {name}",
        )
        self.repeated(model.key, "model", name, ("key",))
        for field_name, field in model.fields.items():
            self.model_field(name, ("fields", field_name), field)

    def model_field(self, name: str, path: Loc, field: ModelField) -> None:
        for type_, option, kind, value in (
            ("ref", "model", "model", field.model),
            ("code", "list", "codes", field.list_),
        ):
            if field.type == type_ and value is None:
                self.error(
                    "model",
                    name,
                    path,
                    "value.missing",
                    f"{dotted(path)}: a {type_} names its {option}",
                    f"for example {{type: {type_}, {option}: {'supplier' if type_ == 'ref' else 'country'}}}",
                )
            elif field.type != type_ and value is not None:
                self.error(
                    "model",
                    name,
                    (*path, option),
                    "key.misplaced",
                    f"{dotted(path)}: only type {type_} takes {option}",
                    f"write type: {type_}, or remove {option}",
                    key=True,
                )
            elif value is not None:
                self.known(kind, value, "model", name, (*path, option))  # type: ignore[arg-type]
        if field.pattern is not None:
            self.pattern(name, (*path, "pattern"), field.pattern)
        for index, word in enumerate(field.rank):
            if word not in self.names["mapping"] | self.names["system"]:
                self.error(
                    "model",
                    name,
                    (*path, "rank", index),
                    "reference.rank",
                    f'{dotted(path)}: rank names "{word}", which is neither a mapping nor a system',
                    suggest(word, self.names["mapping"] | self.names["system"]),
                )

    def pattern(self, name: str, path: Loc, pattern: str) -> None:
        try:
            re.compile(pattern)
        except re.error as error:
            self.error(
                "model",
                name,
                path,
                "value.pattern",
                f"{dotted(path)} is no regular expression: {error}",
                "write backslashes once, and the text in single quotes",
            )

    def codes(self, name: str, codes: CodesFile) -> None:
        for system, values in codes.systems.items():
            self.known("system", system, "codes", name, ("systems", system), key=True)
            for theirs, ours in values.items():
                if ours not in codes.values:
                    self.error(
                        "codes",
                        name,
                        ("systems", system, theirs),
                        "reference.value",
                        f'systems.{system}.{theirs}: the list has no value "{ours}"',
                        suggest(ours, codes.values),
                    )

    # ------------------------------------------------------------ mappings

    def mapping(self, name: str, mapping: MappingFile) -> None:
        source = self.source(name, mapping)
        for alias, joined in mapping.with_.items():
            path: Loc = ("with", alias, "from")
            if joined.from_.partition(".")[0] != mapping.from_.partition(".")[0] or "." not in joined.from_:
                self.error(
                    "mapping",
                    name,
                    path,
                    "reference.system",
                    f"{dotted(path)}: {joined.from_} is not of the system of from",
                    f"write {mapping.from_.partition('.')[0]}.RESOURCE; systems are joined in the model",
                )
            else:
                self.resource(name, path, joined.from_)
            if source and alias in {field.name for field in source.fields}:
                self.error(
                    "mapping",
                    name,
                    ("with", alias),
                    "name.duplicate",
                    f"with.{alias}: {mapping.from_} has a field of that name",
                    "choose another name",
                    key=True,
                )
        for index, output in enumerate(mapping.outputs):
            at: Loc = ("into", index) if isinstance(mapping.into, list) else ()
            self.output(name, mapping, output, at, source)

    def source(self, name: str, mapping: MappingFile) -> Resource | None:
        if "." in mapping.from_:
            return self.resource(name, ("from",), mapping.from_)
        self.known("model", mapping.from_, "mapping", name, ("from",))
        return None

    def output(
        self, name: str, mapping: MappingFile, output: Output, at: Loc, source: Resource | None
    ) -> None:
        into: Loc = (*at, "into")
        self.each(name, mapping, output, at)
        if "." in output.into:
            target = self.resource(name, into, output.into, writes=True)
            self.foreign_fields(name, output, at, target)
            self.keys(name, output, at, target, output.into)
            for index, key in enumerate(as_list(output.key)):
                if key not in output.fields:
                    self.error(
                        "mapping",
                        name,
                        self.key_path(output, at, index),
                        "reference.field",
                        f"the key {key} is not filled",
                        f"write {key} under fields: it identifies the record",
                    )
            return
        if "." not in mapping.from_:
            self.error(
                "mapping",
                name,
                into,
                "mapping.direction",
                f"{mapping.from_} and {output.into} are both models",
                "one side is a resource of a system, written system.resource",
            )
            return
        self.keys(name, output, at, source, mapping.from_)
        if self.known("model", output.into, "mapping", name, into) and output.into in self.built.models:
            self.model_fields(name, output, at, self.built.models[output.into])

    def model_fields(self, name: str, output: Output, at: Loc, model: ModelFile) -> None:
        whose = f"the model {output.into}"
        self.fields(
            ((word, (*at, "fields", word)) for word in output.fields),
            model.fields,
            "mapping",
            name,
            whose,
            key=True,
        )
        for index, rule in enumerate(output.match):
            rule_at: Loc = (*at, "match", index)
            written = self.built.files["mapping", name].walk((*rule_at, "on"))
            path: Loc = (*rule_at, "on") if len(written) == len(rule_at) + 1 else rule_at
            self.repeated(rule.on, "mapping", name, path)
            self.fields(
                ((word, (*path, i)) for i, word in enumerate(rule.on)), model.fields, "mapping", name, whose
            )
            for i, word in enumerate(rule.on):
                if word in model.fields and word not in output.fields:
                    self.error(
                        "mapping",
                        name,
                        (*path, i),
                        "reference.field",
                        f"match compares {word}, which this mapping does not fill",
                        f"write {word} under fields",
                        level="warning",
                    )

    def each(self, name: str, mapping: MappingFile, output: Output, at: Loc) -> None:
        if output.each is None:
            return
        found = EACH.match(output.each)
        if found is None:
            self.error(
                "mapping",
                name,
                (*at, "each"),
                "each.syntax",
                f'each: "{output.each}" is not LIST as NAME',
                "for example each: to_Positions as p",
            )
        elif found["name"] in mapping.with_:
            self.error(
                "mapping",
                name,
                (*at, "each"),
                "name.duplicate",
                f'each: "{found["name"]}" is a name of with',
                "choose another name",
            )

    def key_path(self, output: Output, at: Loc, index: int) -> Loc:
        return (*at, "key", index) if isinstance(output.key, list) else (*at, "key")

    def keys(self, name: str, output: Output, at: Loc, resource: Resource | None, whose: str) -> None:
        """The key names fields of the foreign record; an element of ``each`` may lend one."""
        keys = as_list(output.key)
        self.repeated(keys, "mapping", name, (*at, "key"))
        if resource is None:
            return
        if not keys and not resource.key:
            path: Loc = (*at, "into") if "." in output.into else ("from",)
            self.error(
                "mapping",
                name,
                path,
                "value.missing",
                f"{whose} declares no key, and key is missing",
                "write key: FIELD, the field that identifies a record",
            )
        if resource.fields and output.each is None:
            for index, key in enumerate(keys):
                self.foreign(name, key, self.key_path(output, at, index), resource, whose)

    def foreign_fields(self, name: str, output: Output, at: Loc, target: Resource | None) -> None:
        if target is not None and target.fields:
            for field in output.fields:
                self.foreign(name, field, (*at, "fields", field), target, output.into, key=True)

    def foreign(
        self, name: str, word: str, path: Loc, resource: Resource, whose: str, *, key: bool = False
    ) -> None:
        level: Sequence[Field] = resource.fields
        for part in word.split("."):
            there = {field.name: field for field in level}
            if part not in there:
                self.error(
                    "mapping",
                    name,
                    path,
                    "reference.field",
                    f'{whose} has no field "{word}"',
                    suggest(part, there),
                    key=key,
                )
                return
            level = there[part].fields
            if not level:
                return

    def resource(self, name: str, path: Loc, word: str, *, writes: bool = False) -> Resource | None:
        """The resource a word names, where that is known without connecting."""
        system_name, _, resource = word.partition(".")
        if not self.known("system", system_name, "mapping", name, path):
            return None
        system = self.built.systems.get(system_name)
        if system is None:
            return None
        can = system.spec.writes if writes else system.spec.reads
        if not can:
            self.error(
                "mapping",
                name,
                path,
                "connector.direction",
                f"{dotted(path)}: the connector {system.spec.name} does not {'write' if writes else 'read'}",
            )
            return None
        return self.described(name, path, word, system, resource)

    def described(self, name: str, path: Loc, word: str, system: System, resource: str) -> Resource | None:
        unknown = f'{dotted(path)}: the system {system.name} has no resource "{resource}"'
        try:
            found = system.describe(resource)
        except ConfigError as error:
            code = "reference.resource" if error.code == "resource.unknown" else error.code
            message = unknown if code == "reference.resource" else f"{dotted(path)}: {error.message}"
            hint = suggest(resource, system.resources) if code == "reference.resource" else ""
            self.error("mapping", name, path, code, message, hint or error.hint)
            return None
        if found is None and resource not in system.resources:
            hint = suggest(resource, system.resources)
            if hint.startswith("did you mean"):
                self.error(
                    "mapping", name, path, "reference.resource", f"{unknown} declared", hint, level="warning"
                )
        return found

    # ------------------------------------------------------------ tests of mappings

    def tests(self, name: str, cases: Iterable[TestCase]) -> None:
        if name not in self.names["mapping"]:
            self.error(
                "test",
                name,
                (),
                "reference.mapping",
                f'there is no mapping "{name}" to test',
                suggest(name, self.names["mapping"]),
            )
            return
        mapping = self.built.mappings.get(name)
        if mapping is None:
            return
        outputs = {output.into: output for output in mapping.outputs}
        for index, case in enumerate(cases):
            for path, message, hint in _case_problems(case, index, outputs):
                self.error(
                    "test",
                    name,
                    path,
                    "reference.field" if "field" in message else "test.output",
                    message,
                    hint,
                    key=path[-1] not in ("into", "field", index),
                )


def _case_problems(case: TestCase, index: int, outputs: dict[str, Output]) -> Iterator[tuple[Loc, str, str]]:
    if case.into is not None and case.into not in outputs:
        yield (index, "into"), f'the mapping has no output "{case.into}"', suggest(case.into, outputs)
        return
    if case.into is None and len(outputs) > 1 and not case.expect_none:
        yield (
            (index,),
            "the mapping has several outputs, and into is missing",
            f"write into: {next(iter(outputs))}",
        )
        return
    fields = outputs[case.into or next(iter(outputs))].fields
    for word in case.expect or ():
        if word not in fields:
            yield (index, "expect", word), f'the mapping fills no field "{word}"', suggest(word, fields)
    problem = (case.expect_problem or {}).get("field")
    if problem is not None and problem not in fields:
        yield (
            (index, "expect_problem", "field"),
            f'the mapping fills no field "{problem}"',
            suggest(problem, fields),
        )
