"""``simulate``: a product that cannot be installed, on loopback."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from connectors.simulators import KINDS, PRODUCTS, Simulator
from connectors.simulators.catalogue import example, examples, made
from connectors.simulators.landscape import SEED
from hub.cli.options import Command, names
from hub.cli.say import Say
from hub.errors import ConfigError

app = typer.Typer(rich_markup_mode=None, add_completion=False)
PORT = 8081


@app.command(cls=Command)
def simulate(
    ctx: typer.Context,
    product: Annotated[
        str, typer.Argument(help="A product of --list", metavar="[PRODUCT]", show_default=False)
    ] = "",
    listed: Annotated[bool, typer.Option("--list", help="Show products, their log-ins and the faults")] = False,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one")] = PORT,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            "--fault",
            metavar="FAULT",
            help="Something to do wrong: KIND[=VALUE][,method=M][,path=TEXT][,skip=N][,times=N|always]",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same records")] = SEED,
    records: Annotated[
        int | None, typer.Option("--records", metavar="N", help="How many main records it has; default: a few hundred")
    ] = None,
    log: Annotated[
        Path | None, typer.Option("--log", metavar="FILE", help="Also write what is done to it, a JSON object a line")
    ] = None,
    shown: Annotated[
        bool, typer.Option("--example", help="Print a system file for it, to be copied to config/systems")
    ] = False,
) -> None:
    """Serve a simulated product on loopback, which misbehaves as it is told.

    Until SIGTERM or Ctrl-C. The first line on stdout is its address. Below /_sim it takes faults, and shows its
    records and what was done to them, while it runs.
    """
    say = Say(ctx)
    if listed or not product:
        _list(say)
        return
    known = [one for name in PRODUCTS for one in examples(name)] if shown else [*PRODUCTS]
    if product not in known:
        raise ConfigError(
            "simulate.product", f"there is no simulated product {product}", hint=f"one of {names(known)}"
        )
    if shown:
        text = example(product, f"http://127.0.0.1:{port or PORT}")
        if not say.json:
            typer.echo(text, nl=False)
        say.answer({"product": product, "example": text})
        return
    _serve(say, _simulator(product, port, fault or [], seed, records, log))


def _simulator(
    product: str, port: int, faults: list[str], seed: int, records: int | None, log: Path | None
) -> Simulator:
    try:
        return Simulator(product, port=port, faults=faults, log=log, seed=seed, records=records)
    except ValueError as error:
        raise ConfigError("simulate.option", str(error), hint="cophub simulate --list") from None
    except OSError as error:
        raise ConfigError(
            "simulate.port", f"it cannot listen on port {port}: {error.strerror}", hint="choose another --port"
        ) from None


def _serve(say: Say, simulator: Simulator) -> None:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with simulator:
        if not say.json:
            typer.echo(simulator.url)
        say.note(f"{simulator.product.title}: {simulator.product.login}; end it with SIGTERM or Ctrl-C")
        stopped.wait()
        say.answer({"url": simulator.url, "operations": len(simulator.log.since(0))})


def _list(say: Say) -> None:
    found = {name: made(name, records=1) for name in PRODUCTS}
    products = say.table("product", "title", "records", "log-in", "examples")
    for name, one in found.items():
        say.row(products, name, one.title, names(one.tables), one.login, names(examples(name)))
    say.show(products)
    faults = say.table("fault", "what it does")
    for kind, text in KINDS.items():
        say.row(faults, kind, text)
    say.show(faults)
    say.answer(
        {
            "products": [
                {
                    "product": name,
                    "title": one.title,
                    "login": one.login,
                    "resources": list(one.tables),
                    "examples": examples(name),
                }
                for name, one in found.items()
            ],
            "faults": dict(KINDS),
        }
    )
