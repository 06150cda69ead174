"""How an event gets to a subscriber. ``Embedded`` is the bus without a broker: exchanges are woken, webhooks
are called, and what is true stands in the tables. ``Brokered`` gives every event to a broker as well."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from hub.bus.broker import Broker, Message
from hub.bus.cloudevents import CONTENT_TYPE
from hub.bus.signature import signed
from hub.contract import Secret
from hub.http import HttpSettings, Limits, Transport
from hub.workspace.shape import Webhook
from hub.workspace.workspace import Workspace


class Carrier(Protocol):
    """Hands events over. ``subscribers`` names who is to have the events of a model; ``send`` returns when
    one of them has acknowledged, and raises an error of ``hub.errors`` when it cannot tell."""

    def subscribers(self, subject: str) -> list[str]: ...

    def send(self, subscriber: str, event: Mapping[str, Any]) -> None: ...

    def wake(self, subject: str) -> None:
        """A hint to who reads the model by its own cursor: it may be lost."""
        ...

    def close(self) -> None: ...


class Embedded:
    """``resolve`` gives a secret's text for its reference; ``woken`` is called for every event."""

    def __init__(
        self, workspace: Workspace, resolve: Callable[[str], Secret], woken: Callable[[], None]
    ) -> None:
        self._workspace, self._resolve, self._woken = workspace, resolve, woken
        self._open: dict[str, tuple[Transport, list[str]]] = {}

    def subscribers(self, subject: str) -> list[str]:
        """Webhooks that ask for the model."""
        hooks = self._workspace.hub.webhooks
        return sorted(name for name, hook in hooks.items() if not hook.models or subject in hook.models)

    def send(self, subscriber: str, event: Mapping[str, Any]) -> None:
        """Call a webhook; any answer but 2xx raises."""
        transport, secrets = self._opened(subscriber)
        body = msgspec.json.encode(event)
        # The address is the workspace's own, and the same id may be sent again: its receiver counts it once.
        headers = signed(secrets, str(event["id"]), int(time.time()), body)
        transport.request("POST", "", data=body, headers={"Content-Type": CONTENT_TYPE, **headers})

    def wake(self, subject: str) -> None:
        self._woken()

    def close(self) -> None:
        for transport, _ in self._open.values():
            transport.close()
        self._open.clear()

    def _opened(self, name: str) -> tuple[Transport, list[str]]:
        if name not in self._open:
            hook: Webhook = self._workspace.hub.webhooks[name]
            references = [hook.secret] if isinstance(hook.secret, str) else hook.secret
            secrets = [self._resolve(one).reveal() for one in references]
            limits = Limits(timeout=10.0, retries=0)
            settings = HttpSettings(url=hook.url, limits=limits)
            self._open[name] = (Transport(settings, f"webhook:{name}", secrets=secrets), secrets)
        return self._open[name]


OUT = "bus:out"
"""The broker as a subscriber: no webhook can be called so."""


class Brokered:
    """Another carrier, with a broker that takes the events of all models. An event that it has not confirmed stays in
    the outbox."""

    def __init__(self, inner: Carrier, broker: Broker) -> None:
        self._inner, self._broker = inner, broker

    def subscribers(self, subject: str) -> list[str]:
        """Those of the other, and the broker."""
        return [*self._inner.subscribers(subject), OUT]

    def send(self, subscriber: str, event: Mapping[str, Any]) -> None:
        """Returns when it is confirmed; the errors of ``Broker``."""
        if subscriber != OUT:
            self._inner.send(subscriber, event)
            return
        body = msgspec.json.encode(event)
        self._broker.publish("out", [Message(str(event["subject"]), body, str(event["id"]))])

    def wake(self, subject: str) -> None:
        self._inner.wake(subject)

    def close(self) -> None:
        self._broker.close()
        self._inner.close()
