"""Systems as their examples describe them, on simulators: what an integrator copies is what is tested."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import yaml

from connectors.simulators import Simulator
from connectors.simulators.catalogue import example, secrets
from hub.contract import Context, Query
from hub.workspace.connectors import shipped

AS_OF = 1_771_000_000.0
"""When the hub believes it is: a while after the landscape's last record, in whatever year a test runs."""
_OPENED = itertools.count(1)
LIMITS = {"retries": 2, "max_wait": "3s", "timeout": "2s", "rate": "1000/s"}


@dataclass
class Simulated:
    """A product and the connector that its example opens on it."""

    simulator: Simulator
    connector: Any

    def read(self, resource: str, *, since: str | None = None, size: int | None = None) -> list[dict[str, Any]]:
        described = self.connector.resource(resource)
        pages = [*self.connector.read(Query(described, since=since, page_size=size))]
        assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
        return [json.loads(line) for page in pages for line in page.records.splitlines()]

    def logged(self, action: str, resource: str | None = None) -> int:
        return self.simulator.log.count(action, resource)

    def deliver(self, resource: str, *changes: Any) -> list[Any]:
        outcomes: list[Any] = self.connector.deliver(self.connector.resource(resource), changes)
        return outcomes


def opened(
    url: str, name: str, *, wrong: Mapping[str, str] | None = None, called: str = "", **limits: Any
) -> Any:
    """The connector of an example, with the secrets that the simulator takes, and others where they are ``wrong``. What
    a process remembers of a system (a pause, a token) it remembers by address and ``called``."""
    text = example(name, url)
    for reference, secret in {**secrets(name), **(wrong or {})}.items():
        text = text.replace(f"secret://{reference}", secret)
    connectors = shipped()
    said = connectors.expand(yaml.safe_load(text))
    spec = connectors.spec(said["connector"])
    assert spec is not None
    kept = {key: value for key, value in said.items() if key not in ("system", "title", "connector", "resources")}
    settings = spec.settings.model_validate({**kept, "limits": {**LIMITS, **limits}})
    resources = {key: spec.resource.model_validate(one) for key, one in said["resources"].items()}
    begun = time.time()
    return spec.open(
        Context(f"{name} {url} {called}", now=lambda: AS_OF + time.time() - begun), settings, resources
    )


@contextmanager
def connected(simulator: Simulator, name: str, **limits: Any) -> Iterator[Simulated]:
    """The connector of the example ``name`` on a simulator that is served, without faults of others before."""
    simulator.faults.clear()
    connector = opened(simulator.url, name, called=str(next(_OPENED)), **limits)
    try:
        yield Simulated(simulator, connector)
    finally:
        connector.close()


@contextmanager
def simulated(product: str, name: str = "", *, records: int | None = None, **limits: Any) -> Iterator[Simulated]:
    """A product, and the connector of its example ``name``."""
    with Simulator(product, records=records) as simulator, connected(simulator, name or product, **limits) as said:
        yield said


@contextmanager
def serving(records: Callable[[str], int]) -> Iterator[Callable[[str], Simulator]]:
    """Answers a product's simulator, started when it is first asked for; ``records`` says how many it begins with."""
    with ExitStack() as stack:
        there: dict[str, Simulator] = {}

        def serve(product: str) -> Simulator:
            if product not in there:
                there[product] = stack.enter_context(Simulator(product, records=records(product)))
            return there[product]

        yield serve
