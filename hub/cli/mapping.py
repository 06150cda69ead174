"""``test`` and ``map``: what mappings do, without running them."""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text
from rich.tree import Tree

from hub.cli.frame import FINDINGS, OK
from hub.cli.options import Command
from hub.cli.say import Say, plural
from hub.errors import ConfigError
from hub.mapping.cases import CaseResult, run_cases
from hub.mapping.compile import Compiled, compile_mapping
from hub.mapping.explain import Step, explain
from hub.mapping.lineage import FieldLineage, lineage
from hub.workspace.workspace import Workspace

app = typer.Typer(rich_markup_mode=None, add_completion=False)
LARGEST_RECORD = 16 * 1024 * 1024


@app.command("test", cls=Command)
def run_tests(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME...]", help="Mappings; default: all that have tests")
    ] = None,
) -> int:
    """Run the tests beside the mappings.

    The cases of mappings/NAME.test.yaml go through the real expressions. Exit code 1 where one fails.
    """
    say = Say(ctx)
    workspace = say.workspace()
    for name in names or ():
        workspace.mapping(name)
    results = run_cases(workspace, names or ())
    for result in results:
        _case(say, result)
    failed = sum(not result.ok for result in results)
    silent = sorted(set(names or workspace.mappings) - {result.mapping for result in results})
    if silent:
        say.line(f"without a test: {', '.join(silent)}", style="dim")
    passed = len(results) - failed
    say.line(
        say.text(f"{failed} failed,", "red bold") if failed else say.text("ok:", "green"),
        f"{plural(passed, 'test')} passed",
    )
    say.answer({"passed": passed, "failed": failed, "results": results, "untested": silent})
    return FINDINGS if failed else OK


def _case(say: Say, result: CaseResult) -> None:
    title = result.title or f"case {result.number + 1}"
    if result.ok:
        say.line(say.text("  ok     ", "green"), say.text(f"{result.mapping}:"), say.text(title))
        return
    say.line(say.text("  failed ", "red bold"), say.text(f"{result.mapping}:"), say.text(title))
    say.line(
        say.text(f"         {result.path}:{result.line}:{result.column}", "cyan"), say.text(result.message)
    )
    for one in result.differences:
        say.line(say.text(f"           - {one.field}: {one.expected}", "red"), say.text("expected", "dim"))
        say.line(say.text(f"           + {one.field}: {one.actual}", "green"), say.text("got", "dim"))


@app.command("map", cls=Command)
def map_(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME | suggest", help="A mapping; or suggest FROM INTO")],
    source: Annotated[
        str | None, typer.Argument(metavar="[FROM]", help="With suggest: a system's resource, or a model")
    ] = None,
    into: Annotated[
        str | None, typer.Argument(metavar="[INTO]", help="With suggest: a model, or a target's resource")
    ] = None,
    show_lineage: Annotated[bool, typer.Option("--lineage", help="Where each field comes from")] = False,
    record: Annotated[
        Path | None, typer.Option("--record", metavar="FILE", help="One record as JSON; - for stdin")
    ] = None,
    show_steps: Annotated[
        bool, typer.Option("--explain", help="With --record: step by step instead of the result")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="With suggest: a new file; default: stdout")
    ] = None,
    no_sample: Annotated[
        bool, typer.Option("--no-sample", help="With suggest: by names and types alone, without reading records")
    ] = False,
) -> int:
    """Show where a mapping's fields come from, trace a record, or have a draft proposed.

    cophub map s4-suppliers --lineage; cophub map s4-suppliers --record one.json --explain;
    cophub map suggest s4.A_BusinessPartner supplier --out mappings/s4-partners.yaml
    """
    say = Say(ctx)
    if name == "suggest" and source is not None and into is not None:
        return _suggest(say, source, into, out, sample=not no_sample)
    if source is not None or out is not None or no_sample:
        raise ConfigError("map.suggest", "suggest takes what to map from and into", hint="cophub map suggest FROM INTO")
    if show_steps and record is None:
        raise ConfigError(
            "map.record", "--explain needs a record", hint=f"cophub map {name} --record FILE --explain"
        )
    workspace = say.workspace()
    compiled = compile_mapping(workspace.mapping(name), workspace)
    if record is None:
        return _lineage(say, compiled, workspace)
    return _trace(say, compiled, workspace, _read(record), steps=show_steps, show_lineage=show_lineage)


def _suggest(say: Say, source: str, into: str, out: Path | None, *, sample: bool) -> int:
    """The only one of these that opens a hub: it is imported when somebody asks for it."""
    done: int = importlib.import_module("hub.cli.suggesting").suggest_mapping(say, source, into, out, sample=sample)
    return done


# ---------------------------------------------------------------- lineage


def _lineage(say: Say, compiled: Sequence[Compiled], workspace: Workspace) -> int:
    _trees(say, compiled, workspace)
    told = [
        {"output": one.output, "source": one.source, "fields": lineage(one, workspace)} for one in compiled
    ]
    say.answer({"mapping": compiled[0].mapping, "outputs": told})
    return OK


def _trees(say: Say, compiled: Sequence[Compiled], workspace: Workspace) -> None:
    for one in compiled:
        tree = Tree(say.text(f"{one.output}  ← {one.source}", "bold"), guide_style="dim")
        for field in lineage(one, workspace):
            _branch(say, tree, field)
        if not say.json:
            say.out.print(tree)


def _branch(say: Say, tree: Tree, field: FieldLineage) -> None:
    label = Text.assemble(say.text(field.field, "cyan"), "  ", say.text(field.expression, "dim"))
    if field.level:
        label.append(f"  {field.level}", style="yellow")
    branch = tree.add(label)
    for place in field.inputs:
        branch.add(say.text(place))
    if not field.inputs:
        branch.add(say.text("a constant", "dim"))
    if field.functions:
        branch.add(say.text(f"by {', '.join(f'{name}()' for name in field.functions)}", "dim"))
    for codes in field.codes:
        branch.add(say.text(f"code list {codes}", "dim"))
    if field.refers:
        branch.add(say.text(f"refers to {field.refers}", "dim"))


# ---------------------------------------------------------------- one record


def _read(path: Path) -> dict[str, Any]:
    """One JSON object of a file; of several (a list, or one per line) the only one."""
    where = "stdin" if str(path) == "-" else str(path)
    try:
        if str(path) == "-":
            text = sys.stdin.read(LARGEST_RECORD)
        else:
            with path.open(encoding="utf-8-sig") as file:
                text = file.read(LARGEST_RECORD)
        value = json.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError("map.record", f"cannot read the record: {reason}", where=where) from None
    except ValueError as error:
        raise ConfigError(
            "map.record",
            f"the record is not JSON: {error}",
            where=where,
            hint='write one object: {"FIELD": "value"}',
        ) from None
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        raise ConfigError(
            "map.record", "the file does not hold one JSON object", where=where, hint="one record, not a list"
        )
    return value


def _trace(
    say: Say,
    compiled: Sequence[Compiled],
    workspace: Workspace,
    record: dict[str, Any],
    *,
    steps: bool,
    show_lineage: bool,
) -> int:
    traced = [(one, explain(one, workspace, record)) for one in compiled]
    problems = [step for _, found in traced for step in found if step.stage == "problem"]
    if show_lineage:
        _trees(say, compiled, workspace)
    for one, found in traced:
        if steps:
            say.line(say.text(one.output, "bold"))
            for step in found:
                _step(say, one, step)
        else:
            _result(say, one, found, titled=len(traced) > 1)
    told = [_told(one, found, steps=steps) for one, found in traced]
    say.answer({"mapping": compiled[0].mapping, "outputs": told})
    return FINDINGS if problems else OK


def _told(one: Compiled, found: Sequence[Step], *, steps: bool) -> dict[str, Any]:
    problems = [_problem(step) for step in found if step.stage == "problem"]
    told = {"output": one.output, "mapped": _mapped(one, found), "problems": problems}
    return told | ({"steps": [dataclasses.asdict(step) for step in found]} if steps else {})


def _mapped(one: Compiled, steps: Sequence[Step]) -> list[dict[str, Any]]:
    """The outputs, field by field, without what the hub adds to them."""
    fields = [column.name for column in one.columns]
    rows = [json.loads(step.value) for step in steps if step.stage == "result" and step.name == "mapped"]
    return [{name: row.get(name) for name in fields} for row in rows]


def _problem(step: Step) -> dict[str, str]:
    return {"field": step.name, "code": json.loads(step.value), "message": step.note, "input": step.reads}


def _result(say: Say, one: Compiled, found: Sequence[Step], *, titled: bool) -> None:
    if titled:
        say.line(say.text(one.output, "bold"))
    mapped = _mapped(one, found)
    for values in mapped:
        say.line(Text(json.dumps(values, ensure_ascii=False, indent=2)))
    problems = [_problem(step) for step in found if step.stage == "problem"]
    for problem in problems:
        say.line(
            say.text(f"problem: {problem['field']}:", "red"),
            say.text(problem["message"]),
            say.text(f"[{problem['code']}]", "dim"),
        )
    if not mapped and not problems:
        reason = next(
            (step.note for step in found if step.stage == "where" and step.note), "there is no output"
        )
        say.line(f"no output: {reason}", style="yellow")


def _step(say: Say, one: Compiled, step: Step) -> None:
    if step.stage == "result" and step.name == "mapped":
        step = dataclasses.replace(step, value=json.dumps(_mapped(one, [step])[0], ensure_ascii=False))
    style = {"problem": "red", "result": "bold", "where": "yellow"}.get(step.stage, "cyan")
    head = Text.assemble("  ", (f"{step.stage:<8}", "dim"), say.text(step.name, style))
    if step.text:
        head.append_text(Text.assemble(("  ", ""), say.text(step.text, "dim")))
    say.line(head)
    for word, text in (("reads", step.reads), ("gives", step.value), ("note", step.note)):
        if text:
            say.line(
                Text.assemble(
                    "            ",
                    (f"{word} ", "dim"),
                    say.text(text, "red" if word == "note" and step.stage == "problem" else ""),
                )
            )
