"""``events``: push events of a resource, list those that wait for a person, and try them once more."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from hub.bootstrap import Opened
from hub.bus.accept import Door
from hub.bus.broker import Broker, Message
from hub.cli.opening import opened_hub
from hub.cli.options import Command, Group
from hub.cli.say import Say, listed, plural, since
from hub.errors import ConfigError, RecordRejected
from hub.store import inbox, outbox

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False, no_args_is_help=True)
STATES = ("exhausted", "held", "pending", "done")
MANY = 5_000
DIED = ("bus.died", "the broker gave it up, for every worker that took it died")


@app.callback()
def events() -> None:
    """Push events of a resource, list them, and try them once more."""


@app.command(cls=Command)
def push(
    ctx: typer.Context,
    place: Annotated[str, typer.Argument(metavar="SYSTEM.RESOURCE", help="Whose records the events are")],
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="One event or record per line, JSON; - is stdin")
    ] = "-",
    source: Annotated[
        str, typer.Option("--source", metavar="NAME", help="Who says it, for records without envelope")
    ] = "",
    identity: Annotated[
        str, typer.Option("--id", metavar="ID", help="Their id: the same again is counted once")
    ] = "",
) -> None:
    """Store events in the inbox, as a webhook would; a worker applies them.

    A line is a CloudEvent (specversion, id, source, type, data) or a bare record. A type that ends in
    .deleted says that the record is gone.
    """
    say = Say(ctx)
    new = repeated = 0
    with opened_hub(say) as opened:
        door = Door(opened.hub)
        for number, some in enumerate(_some(_lines(file))):
            named = f"{identity}/{number}" if identity and number else identity
            at = partial(_where, file, [line for line, _ in some])
            try:
                accepted = door.accept(place, [text for _, text in some], source=source, identity=named, at=at)
            except RecordRejected as error:
                raise _refused(error, new + repeated) from error
            new, repeated = new + accepted.new, repeated + accepted.repeated
    again = f", {plural(repeated, 'was', 'were')} there already" if repeated else ""
    say.line(f"{plural(new, 'event')} stored{again}; cophub worker applies them")
    say.answer({"new": new, "repeated": repeated})


def _where(file: str, lines: Sequence[int], number: int) -> str:
    return f"{'stdin' if file == '-' else file}:{lines[number]}"


def _refused(error: RecordRejected, before: int) -> ConfigError:
    """The file is to be mended; of what stood in front of it, whole thousands are stored already."""
    stored = f"the {before} events before are stored; " if before else ""
    return ConfigError(error.code, error.message, where=error.where, hint=stored + error.hint)


def _lines(file: str) -> Iterator[tuple[int, bytes]]:
    """Lines that are not empty, with their numbers."""
    if file == "-":
        text = getattr(sys.stdin, "buffer", None)
        lines = text if text is not None else (line.encode() for line in sys.stdin)
        yield from ((number, line) for number, line in enumerate(lines, 1) if line.strip())
        return
    try:
        with Path(file).open("rb") as stream:
            yield from ((number, line) for number, line in enumerate(stream, 1) if line.strip())
    except OSError as error:
        raise ConfigError(
            "event.file", f"{file} cannot be read: {error.strerror}", hint="name a file, or - for stdin"
        ) from error


def _some(lines: Iterator[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    some: list[tuple[int, bytes]] = []
    for line in lines:
        some.append(line)
        if len(some) == MANY:
            yield some
            some = []
    if some:
        yield some


@app.command(name="list", cls=Command)
def show(
    ctx: typer.Context,
    state: Annotated[
        str, typer.Option("--state", metavar="STATE", help=f"One of {', '.join(STATES)}")
    ] = "exhausted",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many")] = 50,
) -> None:
    """List events of the inbox, and of the outbox those that a webhook did not take."""
    say = Say(ctx)
    if state not in STATES:
        raise ConfigError("event.state", f"there is no state {state!r}", hint=f"one of {listed(STATES)}")
    with opened_hub(say) as opened:
        received = inbox.listed(opened.hub.database, state, limit)
        sent = outbox.exhausted(opened.hub.database, limit) if state == "exhausted" else []
    table = say.table("event", "from or to", "about", "#tries", "since", "reason")
    for one in received:
        words = f"{one['code']} {one['message']}".strip()
        about = f"{one['exchange']} {one['key']}"
        say.row(
            table, one["event_id"], one["source"], about, one["attempts"], since(one["received_at"]), words
        )
    for two in sent:
        words = f"{two.code} {two.message}"
        say.row(
            table, two.event, f"webhook {two.subscriber}", two.subject, two.attempts, since(two.at), words
        )
    if received or sent:
        say.show(table)
    else:
        say.line(f"no event is {state}")
    say.answer({"inbox": received, "outbox": sent})


@app.command(cls=Command)
def dead(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many")] = 50,
) -> None:
    """List the broker's dead letters with their causes, the oldest first, without what they say."""
    say = Say(ctx)
    with opened_hub(say) as opened, _broker(opened) as broker:
        letters = [_letter(one) for one in broker.dead(limit)]
    table = say.table("event", "about", "since", "reason")
    for one in letters:
        say.row(table, one["id"], one["about"], one["at"], f"{one['code']} {one['message']}".strip())
    if letters:
        say.show(table)
    else:
        say.line("there is no dead letter")
    say.answer({"dead": letters})


@contextmanager
def _broker(opened: Opened) -> Iterator[Broker]:
    broker = opened.broker()
    if broker is None:
        raise ConfigError(
            "bus.none", "this hub has no broker", hint="write bus: into config/hub.yaml, or set COPHUB_BUS"
        )
    try:
        yield broker
    finally:
        broker.close()


def _letter(one: Message) -> dict[str, str]:
    """Why it is dead: as the hub says, or as the broker does."""
    if "cophub-code" in one.headers:
        said = {name: str(one.headers[f"cophub-{name}"]) for name in ("code", "message", "at")}
        return {"id": one.id, "about": one.key} | said
    died = (one.headers.get("x-death") or [{}])[0]
    code, message = DIED
    at, why = str(died.get("time", "")), died.get("reason", "without a reason")
    return {"id": one.id, "about": one.key, "code": code, "message": f"{message}: {why}", "at": at}


@app.command(cls=Command)
def replay(
    ctx: typer.Context,
    exchange: Annotated[
        str | None, typer.Option("--exchange", metavar="NAME", help="Only events for this mapping")
    ] = None,
    webhook: Annotated[
        str | None, typer.Option("--webhook", metavar="NAME", help="Only events to this webhook")
    ] = None,
    letters: Annotated[
        bool, typer.Option("--dead", help="Only the broker's dead letters: put back to where they came from")
    ] = False,
) -> None:
    """Try held and exhausted events once more, under their old ids."""
    say = Say(ctx)
    with opened_hub(say) as opened:
        if letters:
            with _broker(opened) as broker:
                count = broker.revive(1_000_000)
            say.line(f"{plural(count, 'dead letter')} put back")
            say.answer({"dead": count})
            return
        if exchange is not None:
            opened.hub.workspace.mapping(exchange)
        received = inbox.replay(opened.hub.database, exchange) if webhook is None else 0
        sent = outbox.replay(opened.hub.database, webhook) if exchange is None else 0
    say.line(f"{plural(received, 'event')} to apply and {plural(sent, 'event')} to send once more")
    say.answer({"inbox": received, "outbox": sent})
