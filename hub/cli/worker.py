"""``worker``: relays events, drains the inbox, and runs what follows a model; ``worker status`` looks."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Annotated, Any

import typer

from hub import collector
from hub.bootstrap import Opened, require_key
from hub.bus.accept import Door
from hub.bus.alerts import Alarms, Watching
from hub.bus.arrivals import Arrivals
from hub.bus.broker import Look
from hub.bus.drain import Drain
from hub.bus.followers import Followers
from hub.bus.intake import Intake
from hub.bus.relay import Relay
from hub.bus.status import Status, status
from hub.bus.sweep import Sweep
from hub.bus.timetable import Timetable
from hub.bus.transport import Brokered, Carrier, Embedded
from hub.bus.worker import Duty, Worker
from hub.cli.frame import OK, worst
from hub.cli.measuring import METRICS, metrics_told
from hub.cli.opening import opened_hub
from hub.cli.options import Command, Group
from hub.cli.say import Say, listed, plural, since
from hub.errors import ConfigError, HubError
from hub.exchange.report import error_json
from hub.todos.cases import Casework
from hub.todos.dashboards import Counting
from hub.todos.people import Healing
from hub.todos.settling import Settling
from sso.ground import provider
from sso.logout import Telling
from sso.sessions import Sessions

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False, invoke_without_command=True)
DUTIES = (
    *("intake", "inbox", "outbox", "arrivals", "schedules", "exchanges", "receivers", "cases", "acts", "counts"),
    *("sessions", "alerts", "sweep"),
)


@app.callback()
def worker(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Do what there is to do now, and end")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="DUTY", help=f"One of {', '.join(DUTIES)}; repeat it"),
    ] = None,
    metrics: Annotated[str, METRICS] = "",
) -> int:
    """Relay events, drain the inbox, and run what follows a model.

    Runs until it is asked to end (SIGTERM or Ctrl-C). Several at once share the work.
    """
    if ctx.invoked_subcommand is not None:
        return OK
    say, errors = Say(ctx), list[HubError]()
    wanted = tuple(only or DUTIES)
    for name in wanted:
        if name not in DUTIES:
            raise ConfigError("worker.duty", f"there is no duty {name!r}", hint=f"one of {listed(DUTIES)}")
    with opened_hub(say) as opened:
        require_key(opened.hub.workspace.folder, os.environ)
        stop = threading.Event()
        carrier: Carrier = Embedded(opened.hub.workspace, opened.secrets.resolve, lambda: made.call())
        if (out := opened.broker()) is not None:
            carrier = Brokered(carrier, out)
        carrier = Alarms(carrier, opened.hub, opened.secrets.resolve)
        if (here := provider(opened.hub, opened.cipher)) is not None:
            carrier = Telling(carrier, here)
        duties = _duties(opened, carrier, say, stop, wanted)
        if (broker := opened.broker()) is not None and "intake" in wanted:
            duties = {"intake": Intake(Door(opened.hub), broker, say.note, stop.is_set, not once)} | duties
        drain = next((duty for duty in duties.values() if isinstance(duty, Drain)), None)
        made = Worker(opened.hub.database, duties, say.note, stop)
        try:
            if once:
                with _signals(stop):
                    errors = made.once()
                if drain is not None and not drain.done and not errors:
                    say.note("inbox: nothing to apply")
            else:
                say.note(f"worker: {listed(made.duties)}; end it with SIGTERM or Ctrl-C")
                collector.keep()
                with _signals(stop), metrics_told(say, metrics, opened):
                    made.run()
        finally:
            carrier.close()
            for duty in made.duties.values():
                if isinstance(duty, Drain | Followers | Intake):
                    duty.close()
        told = [error_json(error, say.clean) for error in errors]
        code = worst([error.exit_code for error in errors])
        answer = {"duties": list(made.duties), "stopped": stop.is_set(), "inbox": drain.done if drain else {}}
        if isinstance(intake := made.duties.get("intake"), Intake):
            answer["intake"] = intake.done
        say.answer(answer | {"errors": told, "exit": code})
    return code


def _duties(
    opened: Opened, carrier: Carrier, say: Say, stop: threading.Event, wanted: tuple[str, ...]
) -> dict[str, Duty]:
    """In the order in which ``--once`` turns them: what an event changes is relayed and followed at once."""
    hub = opened.hub
    made: dict[str, Duty] = {
        "inbox": Drain(hub, say.note, stop.is_set),
        "outbox": Relay(hub, carrier),
        "arrivals": Arrivals(hub, say.note, stop.is_set),
        "schedules": Timetable(hub, say.note, stop.is_set),
        "exchanges": Followers(hub, say.note, stop.is_set),
        "receivers": Healing(hub),
        "cases": Casework(hub),
        "acts": Settling(hub, say.note),
        "counts": Counting(hub),
        "sessions": Sessions(hub),
        "alerts": Watching(hub),
    }
    return {name: duty for name, duty in made.items() if name in wanted} | {"sweep": Sweep(hub, stop.is_set)}


class _signals:
    """SIGTERM and Ctrl-C ask for the end at the border of a batch; a second one ends at once."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._asked)

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _asked(self, number: int, frame: FrameType | None) -> None:
        if self._stop.is_set():
            raise KeyboardInterrupt
        self._stop.set()


@app.command(name="status", cls=Command)
def show(ctx: typer.Context) -> None:
    """Show who holds which lease, what lags behind, and what stands still."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        found = status(opened.hub.database, Followers(opened.hub, say.note, lambda: False).names)
        upcoming = Timetable(opened.hub, say.note, lambda: False).upcoming()
        broker = opened.broker()
        look = None if broker is None else broker.look()
        if broker is not None:
            broker.close()
    _leases(say, found)
    if look is not None:
        _bus(say, look)
    late = f", the oldest since {since(found.outbox.oldest)}" if found.outbox.count else ""
    say.line(f"outbox: {plural(found.outbox.count, 'event')} to hand over{late}")
    if found.exhausted:
        say.line(f"outbox: {plural(found.exhausted, 'event')} exhausted: cophub events replay", style="red")
    for one in found.inbox:
        style = "" if one.state == "pending" else "red"
        words = (
            f"inbox: {plural(one.count, 'event')} {one.state} for {one.exchange} since {since(one.oldest)}"
        )
        say.line(words, one.code, style=style)
    if not found.inbox:
        say.line("inbox: empty")
    for name, count in found.behind.items():
        say.line(f"{name}: {plural(count, 'commit')} behind its model")
    for name, at in sorted(upcoming.items(), key=lambda item: (item[1], item[0])):
        say.line(f"{name}: next at {since(at)}")
    for stands in found.standstills:
        say.line(
            f"{stands.exchange}: stands still until {since(stands.until)} ({stands.code}): {stands.message}",
            style="yellow",
        )
    say.answer({"status": found, "bus": look, "next": upcoming})


def _bus(say: Say, look: Look) -> None:
    """The broker, and what lies in its queues."""
    say.line(f"bus: {look.broker} is {look.state}", look.why, style="" if look.state == "ok" else "red")
    for one in look.queues:
        dead = one.name.endswith(".dead") and one.messages
        listen = f", {plural(one.consumers, 'worker')} listening" if not one.name.endswith(".dead") else ""
        words = f"bus: {plural(one.messages, 'event')} in {one.name}{listen}"
        say.line(words, "cophub events dead" if dead else "", style="red" if dead else "")


def _leases(say: Say, found: Status) -> None:
    table = say.table("lease", "#epoch", "holder", "until")
    for one in found.leases:
        state = "gone, to be taken over" if one.dead else since(one.expires_at)
        say.row(table, one.name, one.epoch, one.holder, state)
    if found.leases:
        say.show(table)
    else:
        say.line("no lease is held")
