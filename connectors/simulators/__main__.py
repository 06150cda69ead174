"""``python -m connectors.simulators PRODUCT [--port N] [--fault TEXT]...`` serves a product until ^C."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from connectors.simulators.faults import KINDS
from connectors.simulators.server import PRODUCTS, Simulator


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve; answers 0 after an interrupt, 2 for arguments that make no sense."""
    kinds = "\n".join(f"  {kind:<13} {text}" for kind, text in KINDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m connectors.simulators",
        description="Serve a simulated product on loopback.",
        epilog=f"faults, written kind[=value][,method=M][,path=TEXT][,skip=N][,times=N|always]:\n{kinds}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("product", choices=sorted(PRODUCTS))
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--fault", action="append", default=[], help="something to do wrong; repeatable")
    parser.add_argument("--log", type=Path, help="also write the operation log to this file")
    options = parser.parse_args(arguments)
    try:
        simulator = Simulator(options.product, port=options.port, faults=options.fault, log=options.log)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with simulator:
        print(simulator.url, flush=True)
        stopped.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
