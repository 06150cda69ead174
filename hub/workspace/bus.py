"""The shape of ``bus`` in ``config/hub.yaml``: the broker that carries events in and out."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from hub.workspace.hooks import SecretReference
from hub.workspace.strict import Shape


class Bus(Shape):
    """A broker beside the tables. What is true stands in the tables all the same."""

    url: str | None = Field(
        None,
        pattern=r"^(amqps?|rediss?)://[^\s?#]+$",
        description="Address of RabbitMQ, with the user and the virtual host, or of Redis, with the number of the "
        "database; COPHUB_BUS gives another one",
        examples=["amqps://hub@mq.example.com/cophub"],
    )
    password: SecretReference | None = Field(None, description="secret:// reference", examples=["secret://bus"])
    ca: str | None = Field(
        None, description="File of the authority that signed the broker's certificate, where it is a private one",
        examples=["/etc/ssl/corp.pem"],
    )
    partitions: int = Field(
        1,
        ge=1,
        le=64,
        description="Queues that arriving events are spread over by their key; more than one needs RabbitMQ's plugin "
        "rabbitmq_consistent_hash_exchange",
        examples=[4],
    )
    prefetch: int = Field(
        250, ge=1, le=2000, description="Most messages of a queue that a worker holds without having stored them"
    )
    redeliveries: int = Field(
        20, ge=1, le=1000, description="How often a message comes again before it is a dead letter"
    )


BUS: Any = Field(
    None,
    description="A broker that carries events in and out; without it the tables alone are the bus",
    examples=[{"url": "amqps://hub@mq.example.com/cophub", "password": "secret://bus"}],
)
