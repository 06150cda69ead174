"""``serve``: the API and the portal, in one process."""

from __future__ import annotations

import ipaddress
import logging
import os
import signal
import socket
import threading
from contextlib import nullcontext
from types import FrameType
from typing import Annotated

import typer
import uvicorn

from hub import collector
from hub.bootstrap import require_key
from hub.cli.beside import worker_beside
from hub.cli.measuring import METRICS, metrics_told
from hub.cli.opening import opened_hub
from hub.cli.options import Command
from hub.cli.say import Say
from hub.errors import ConfigError
from hub.todos.live import MOST
from hub.web import application

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def serve(
    ctx: typer.Context,
    host: Annotated[
        str,
        typer.Option(
            "--host", envvar="COPHUB_HOST", metavar="ADDRESS", help="Where to listen; 0.0.0.0 is everywhere"
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", envvar="COPHUB_PORT", min=0, max=65535, help="0 takes a free one")
    ] = 8080,
    proxies: Annotated[
        str,
        typer.Option(
            "--behind",
            envvar="COPHUB_BEHIND",
            metavar="ADDRESSES",
            help="Proxies, by comma, whose X-Forwarded-For and -Proto are believed",
        ),
    ] = "",
    metrics: Annotated[str, METRICS] = "",
    worker: Annotated[
        bool, typer.Option("--worker", help="Run cophub worker beside it; both end together")
    ] = False,
) -> None:
    """Serve the API under /v1 and the portal.

    Until SIGTERM or Ctrl-C. It speaks plain HTTP: put a proxy with TLS before it, and name that with --behind.
    A changed workspace is read at the next start. Keys: cophub keys; who may log in to the portal: cophub accounts.
    """
    say = Say(ctx)
    _require_addresses(proxies)
    ending = threading.Event()
    with opened_hub(say) as opened:
        require_key(opened.hub.workspace.folder, os.environ)
        server = _Server(
            uvicorn.Config(
                application(opened, ending),
                host=host,
                port=port,
                lifespan="on",
                proxy_headers=bool(proxies),
                forwarded_allow_ips=proxies or None,
                server_header=False,
                timeout_keep_alive=15,
                timeout_graceful_shutdown=30,
                h11_max_incomplete_event_size=16 * 1024,
                limit_concurrency=500 + MOST,
                log_config=None,
                access_log=False,
            ),
            ending,
        )
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        server.config.load()
        collector.keep()
        with bound_to(server.config) as bound:
            address, taken = bound.getsockname()[:2]
            shown = f"[{address}]" if ":" in address else address
            say.note(f"serving http://{shown}:{taken}/v1 and /portal ; end it with SIGTERM or Ctrl-C")
            # uvicorn gives the signal on when it has ended: without a handler the process would die of it, unclosed
            signal.signal(signal.SIGTERM, lambda *_: None)
            with metrics_told(say, metrics, opened), worker_beside(say, server.end) if worker else nullcontext():
                server.run(sockets=[bound])
    say.answer({"address": address, "port": taken})


def bound_to(config: uvicorn.Config) -> socket.socket:
    """The socket to listen on; connections that it accepts send at once what they are given."""
    # not by uvicorn, which ends the process without a cause where it cannot
    bound = socket.socket(socket.AF_INET6 if ":" in config.host else socket.AF_INET)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((config.host, config.port))
    except OSError as error:
        bound.close()
        raise ConfigError(
            "serve.port",
            f"cannot listen on {config.host} port {config.port}: {error.strerror}",
            hint="end what listens there, or choose another by --port and --host",
        ) from None
    # the socket names no protocol, so asyncio does not know that it is TCP: without this the body of an answer
    # waits 40 ms for the client's word that the head has come
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bound


class _Server(uvicorn.Server):
    """It tells of its end at once: it would wait for streams, which end only when they are told."""

    def __init__(self, config: uvicorn.Config, ending: threading.Event) -> None:
        super().__init__(config)
        self._ending = ending

    def end(self) -> None:
        """As a signal does."""
        self._ending.set()
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._ending.set()
        super().handle_exit(sig, frame)


def _require_addresses(proxies: str) -> None:
    for one in filter(None, (part.strip() for part in proxies.split(","))):
        try:
            ipaddress.ip_network(one, strict=False)
        except ValueError:
            raise ConfigError(
                "serve.proxy", f"{one!r} is no address of a proxy", hint="for example 10.0.0.5 or 10.0.0.0/24"
            ) from None
