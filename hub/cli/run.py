"""``run``: one exchange, several, or all of them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from hub.bootstrap import Opened
from hub.cli.ending import Ending
from hub.cli.frame import block, logged, worst
from hub.cli.matches import show_matches
from hub.cli.opening import opened_hub
from hub.cli.options import Command
from hub.cli.parts import run_parts
from hub.cli.progress import progress
from hub.cli.results import show_results
from hub.cli.say import Say, listed
from hub.errors import ConfigError, HubError
from hub.exchange.order import run_order
from hub.exchange.pipeline import MODES, Result, run_exchange
from hub.exchange.report import report as reported
from hub.exchange.splitting.course import run_split
from hub.workspace.explain import suggest

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@dataclass(frozen=True, slots=True)
class Ended:
    """How one exchange of this call ended."""

    exchange: str
    result: Result | None
    error: HubError | None
    seconds: float


@app.command(cls=Command)
def run(
    ctx: typer.Context,
    exchanges: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME...]", help="Mappings to run, in this order")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every enabled mapping: inbound first, then outbound")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Read everything, and count what is absent")] = False,
    initial: Annotated[
        bool, typer.Option("--initial", help="A first load: the guard does not limit creations")
    ] = False,
    accept_drift: Annotated[
        bool,
        typer.Option(
            "--accept-drift", help="Go on though mapped fields of the source vanished or changed type"
        ),
    ] = False,
    mode: Annotated[
        str | None, typer.Option("--mode", metavar="MODE", help=f"One of {', '.join(MODES)}")
    ] = None,
    run_key: Annotated[
        str | None,
        typer.Option("--run-key", metavar="KEY", help="The same key again answers the finished run"),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            "--workers", metavar="COUNT", min=0, max=64,
            help="Where a mapping says split: read its parts by so many processes at a time",
        ),
    ] = 0,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="With link_only: every record and entity as CSV"),
    ] = None,
) -> int:
    """Run exchanges: read, map, resolve, merge, and apply or deliver.

    With several, a failing one does not stop the others; the exit code is the worst of theirs.
    """
    say = Say(ctx)
    if full and mode not in (None, "full"):
        raise ConfigError(
            "run.mode", f"--full and --mode {mode} contradict each other", hint="give one of them"
        )
    if mode is not None and mode not in MODES:
        raise ConfigError("run.mode", f"there is no mode {mode!r}", hint=suggest(mode, MODES))
    with opened_hub(say) as opened:
        names = _names(opened, list(exchanges or ()), everything=everything)
        if report is not None and len(names) > 1:
            raise ConfigError("run.names", "a report is of one exchange", hint="run them one by one")
        ended = []
        with Ending() as ending:
            for name in names:
                key = run_key if len(names) == 1 or run_key is None else f"{run_key}/{name}"
                ended.append(
                    one(
                        say,
                        opened,
                        name,
                        mode or ("full" if full else "incremental"),
                        key or fresh_key(name),
                        ending,
                        initial=initial,
                        accept_drift=accept_drift,
                        workers=workers,
                    )
                )
        show(say, ended)
        for item in ended:
            if item.result is not None:
                show_matches(say, opened.hub, item.result.run, report)
    return answer(say, ended)


def _names(opened: Opened, asked: list[str], *, everything: bool) -> list[str]:
    workspace = opened.hub.workspace
    if everything and asked:
        raise ConfigError("run.names", "--all and names contradict each other", hint="give one of them")
    if everything:
        return run_order(workspace)
    if not asked:
        raise ConfigError(
            "run.names", "which exchange?", hint=f"one of {listed(sorted(workspace.mappings))}; or --all"
        )
    for name in asked:
        workspace.mapping(name)
    return list(dict.fromkeys(asked))


def fresh_key(exchange: str) -> str:
    """A run key of its own for a run that nobody named."""
    return f"{exchange}/{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"


def one(
    say: Say,
    opened: Opened,
    name: str,
    mode: str,
    run_key: str,
    ending: Ending,
    *,
    initial: bool,
    accept_drift: bool = False,
    workers: int = 0,
) -> Ended:
    """Run one exchange; its error is told at once and does not stop the caller."""
    start = time.monotonic()
    try:
        ending.require_going_on()
        with progress(say.err, name, quiet=say.silent) as told:
            hub = opened.hub
            split = workers > 0 and hub.workspace.mapping(name).split is not None
            work = partial(run_parts, say, run_key, workers, ending)
            run_it = partial(run_split, work=work) if split else run_exchange
            result = run_it(
                hub,
                name,
                mode,
                run_key,
                initial=initial,
                accept_drift=accept_drift,
                progress=ending.watch(told),
            )
        return Ended(name, result, None, time.monotonic() - start)
    except HubError as error:
        return failed(say, name, error, start)


def show(say: Say, ended: Sequence[Ended]) -> None:
    """Say how runs ended, for people."""
    if not say.json:
        show_results(say, [(item.exchange, item.result, item.error, item.seconds) for item in ended])


def failed(say: Say, name: str, error: HubError, start: float) -> Ended:
    """Tell an error at once."""
    if say.options.log == "json":
        logged(error, say.clean)
    else:
        typer.echo(f"{typer.style(name, bold=True)}: {block(error, say.clean)}", err=True)
    return Ended(name, None, error, time.monotonic() - start)


def answer(say: Say, ended: Sequence[Ended]) -> int:
    """Say how runs ended, as JSON; answers the exit code."""
    code = worst([item.error.exit_code if item.error else 0 for item in ended])
    told = [reported(item.exchange, item.result, item.error, item.seconds, say.clean) for item in ended]
    say.answer({"runs": told, "exit": code})
    return code
