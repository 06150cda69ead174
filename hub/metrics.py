"""Metrics for Prometheus: what the store says at the moment of asking, and what this process counted itself.

Labels are names of the workspace, states and codes: their number is bounded by the workspace, and nothing in them
is about a record or a person (P10).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hub.errors import ConfigError, HubError
from hub.exchange.ground import Hub
from hub.exchange.manifest import READ_PARTS
from hub.exchange.report import WRITES
from hub.exchange.standing import windows
from hub.store import alerts, figures, inbox, outbox, signs, switches
from hub.store.database import now
from hub.store.outbox import exhausted

OWN: Final = CollectorRegistry()
"""What this process counts by itself, however many hubs are open in it."""
REQUESTS: Final = Histogram(
    "cophub_http_request_seconds",
    "Answers of this process",
    ["part", "method", "route", "status"],
    registry=OWN,
    buckets=(0.005, 0.025, 0.1, 0.25, 1, 2.5, 10, 60),
)
LOG_INS: Final = Counter("cophub_log_ins", "Log-ins at the portal of this process", ["result"], registry=OWN)
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
RESULTS: Final = frozenset((*READ_PARTS, *WRITES, "read"))
OTHER: Final = "other"
CODES: Final = 200
"""Most codes of one metric: foreign systems have codes of their own."""


def answered(path: str, route: str | None, method: str, status: int, seconds: float) -> None:
    """Count an answer. Addresses that no route has are counted as one: who scans must not make metrics."""
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    part = {"portal": "portal", "sso": "sso", "scim": "scim"}.get(first, "api")
    shown = method if method in METHODS else OTHER
    REQUESTS.labels(part, shown, route or OTHER, f"{status // 100}xx").observe(seconds)


class Store(Collector):
    """What the store says. Every process of a hub says the same: ask one, or take the greatest."""

    def __init__(self, hub: Hub) -> None:
        self._hub, self._database, self._ended = hub, hub.database, figures.Ended(hub.database)
        self._lock = threading.Lock()
        self._runs = Counter("cophub_runs", "Runs that ended", ["exchange", "mode", "state"], registry=None)
        self._seconds = Histogram(
            "cophub_run_seconds",
            "How long runs took",
            ["exchange"],
            registry=None,
            buckets=(0.1, 0.5, 2, 10, 60, 300, 1800, 7200),
        )
        self._records = Counter(
            "cophub_records", "Records of runs by what became of them", ["exchange", "result"], registry=None
        )

    def collect(self) -> Iterator[Metric]:
        """All of it; a store that does not answer is said by ``cophub_store_up`` alone."""
        up = GaugeMetricFamily("cophub_store_up", "Whether the hub's database answers")
        try:
            found = list(self._gauges())
            with self._lock:
                self._follow()
        except HubError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from found
        for one in (self._runs, self._seconds, self._records):
            yield from one.collect()

    def _follow(self) -> None:
        for row in self._ended.new():
            self._runs.labels(row.exchange, row.mode, row.state).inc()
            if row.started_at and row.ended_at:
                self._seconds.labels(row.exchange).observe((row.ended_at - row.started_at).total_seconds())
            for name, count in row.counts.items():
                if name in RESULTS and count > 0:
                    self._records.labels(row.exchange, name).inc(count)

    def _gauges(self) -> Iterator[GaugeMetricFamily]:
        database = self._database
        lag, moment = outbox.lag(database), now()
        yield _one("cophub_outbox_events", "Events to hand over", lag.count)
        age = (moment - lag.oldest).total_seconds() if lag.oldest else 0.0
        yield _one("cophub_outbox_age_seconds", "Age of the oldest of them", max(0.0, age))
        yield _one("cophub_outbox_exhausted", "Events that wait for a person", len(exhausted(database, 1_000)))
        living = sum(signs.LISTENS not in one.duties for one in signs.living(database))
        yield _one("cophub_workers", "Workers that gave a sign of life", living)
        waits: dict[tuple[str, ...], int] = {}
        for one in inbox.pending(database):
            waits[one.exchange, one.state] = waits.get((one.exchange, one.state), 0) + one.count
        yield _many("cophub_inbox_events", "Events of others", ("exchange", "state"), waits)
        for name, text, labels, ask in (
            ("cophub_quarantine_records", "Records set aside", ("exchange", "state", "code"), figures.quarantined),
            ("cophub_deliveries", "Deliveries of the last hour", ("system", "resource", "status"), figures.delivered),
            ("cophub_todo_acts", "Responses to to-dos, of the last day or open", ("system", "state"), figures.acts),
            ("cophub_todo_drift", "To-dos that differ from their source", ("system", "kind"), figures.drifted),
        ):
            yield _many(name, text, labels, ask(database))
        yield from self._stops()

    def _stops(self) -> Iterator[GaugeMetricFamily]:
        """What does not go on now, and whether people hear of it."""
        database = self._database
        channels = alerts.channels(database, sorted(self._hub.workspace.hub.alerts))
        ways: dict[tuple[str, ...], int] = {(one.name, "waiting"): one.waiting for one in channels}
        ways |= {(one.name, "exhausted"): one.exhausted for one in channels}
        told: tuple[tuple[str, str, tuple[str, ...], Mapping[tuple[str, ...], int]], ...] = (
            (
                "cophub_stopped", "What somebody stopped by hand", ("kind", "name"),
                {key: 1 for key in switches.stopped(database)},
            ),
            (
                "cophub_maintenance", "Whether a system is being maintained", ("system",),
                {(one.system,): int(one.until is not None) for one in windows(self._hub)},
            ),
            (
                "cophub_alerts", "What people were told of and holds still", ("exchange", "kind"),
                {key: 1 for key in alerts.standing(database)},
            ),
            (
                "cophub_alert_events", "Alerts that a channel has not taken", ("channel", "state"),
                ways,
            ),
        )  # fmt: skip
        for one in told:
            yield _many(*one)


def _one(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def _many(
    name: str, text: str, labels: tuple[str, ...], found: Mapping[tuple[str, ...], int]
) -> GaugeMetricFamily:
    """A gauge by labels; of the last label only the most frequent values by name."""
    totals: dict[str, int] = {}
    for key, count in found.items():
        totals[key[-1]] = totals.get(key[-1], 0) + count
    named = set(sorted(totals, key=lambda one: (-totals[one], one))[:CODES])
    merged: dict[tuple[str, ...], int] = {}
    for key, count in found.items():
        short = (*key[:-1], key[-1] if key[-1] in named else OTHER)
        merged[short] = merged.get(short, 0) + count
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, count in merged.items():
        family.add_metric(key, count)
    return family


def registry_of(hub: Hub) -> CollectorRegistry:
    """Everything that one process tells."""
    registry = CollectorRegistry()
    registry.register(OWN)
    registry.register(Store(hub))
    ProcessCollector(registry=registry)
    return registry


@contextmanager
def told_at(address: str, hub: Hub) -> Iterator[int]:
    """Answer on an address of its own (``HOST:PORT``) while the context lasts; gives the port. ConfigError
    ``metrics.address`` where it cannot be listened on."""
    host, _, port = address.rpartition(":")
    try:
        server, thread = start_http_server(int(port), host.strip("[]") or "127.0.0.1", registry_of(hub))
    except (OSError, ValueError, OverflowError) as error:
        raise ConfigError(
            "metrics.address",
            f"cannot listen on {address!r}: {getattr(error, 'strerror', None) or error}",
            hint="write HOST:PORT of a free port, for example 127.0.0.1:9464",
        ) from None
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
