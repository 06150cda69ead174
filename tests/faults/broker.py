"""A RabbitMQ of the tests' own, to be killed and blocked, and somebody who speaks to it without the hub."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import kombu
import pytest

from tests.systems.place import Unavailable
from tests.systems.rabbitmq import Node


@contextmanager
def node() -> Iterator[Node]:
    """A node that runs; skipped by name where RabbitMQ is not installed."""
    folder = Path(tempfile.mkdtemp(prefix="cophub-broker-", dir="/var/tmp"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody", "nogroup")
        try:
            made = Node(folder)
        except Unavailable as why:
            pytest.skip(f"{why}: tests/services up rabbitmq")
        made.start()
        try:
            yield made
        finally:
            made.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Peer:
    """Another system on the broker: ``send`` puts events in and waits for each confirmation, ``read`` answers what the
    hub has put out."""

    def __init__(self, url: str, hub: str) -> None:
        self._url, self.hub = url, hub
        with self._channel() as channel:
            channel.exchange_declare(f"cophub.{hub}.out", "topic", durable=True, auto_delete=False)
            arguments = {"x-queue-type": "quorum"}
            channel.queue_declare(f"{hub}.bi", durable=True, auto_delete=False, arguments=arguments)
            channel.queue_bind(f"{hub}.bi", f"cophub.{hub}.out", "#")

    def send(self, *bodies: bytes, key: Callable[[bytes], str], identity: str = "", seconds: float = 60) -> None:
        """As a sender has to: what is not confirmed is sent again."""
        left, end = list(bodies), time.monotonic() + seconds
        while left:
            try:
                with self._channel() as channel:
                    while left:
                        more = {"message_id": identity} if identity else {}
                        made = channel.prepare_message(
                            left[0], content_type="application/json", properties={"delivery_mode": 2} | more
                        )
                        channel.basic_publish(made, f"cophub.{self.hub}.in", key(left[0]), confirm_timeout=5)
                        del left[0]
            except (OSError, kombu.exceptions.KombuError, *kombu.Connection("amqp://").connection_errors):
                assert time.monotonic() < end, "the broker does not come back"
                time.sleep(0.2)

    def read(self) -> list[dict[str, Any]]:
        """Everything that lies in its queue, taken away."""
        found = []
        with self._channel() as channel:
            while (got := channel.basic_get(f"{self.hub}.bi", no_ack=True)) is not None:
                found.append(kombu.utils.json.loads(got.body))
        return found

    @contextmanager
    def _channel(self) -> Iterator[Any]:
        with kombu.Connection(
            self._url, connect_timeout=5, transport_options={"confirm_publish": True}
        ) as connection:
            yield connection.channel()
