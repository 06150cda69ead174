"""The catalogue of events is an AsyncAPI 3.0 document, and says what events really look like."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from hub.bus.accept import Door
from hub.bus.catalogue import document, places
from hub.bus.cloudevents import shaped
from hub.bus.drain import Drain
from hub.bus.rabbit import Rabbit
from hub.store import outbox
from hub.workspace.bus import Bus
from tests.unit.bus.busworld import BusWorld, event
from tests.unit.cli.desk import desk

pytestmark = pytest.mark.by_turns

SCHEMA = json.loads((Path(__file__).parent / "asyncapi-3.0.json").read_text(encoding="utf-8"))
HUB = """
    hub: test
    bus: {url: "amqps://hub@mq.example.com:5671/vhost", password: secret://bus/password}
    webhooks:
      bi: {url: "https://bi.example.com/hooks/cophub", secret: secret://hooks/bi, models: [supplier]}
      all: {url: "https://all.example.com", secret: secret://hooks/bi}
"""


@pytest.fixture
def told(world: BusWorld) -> dict[str, Any]:
    world.write("config/hub.yaml", HUB)
    with world.opened() as opened:
        return json.loads(json.dumps(document(opened.hub.workspace)))  # type: ignore[no-any-return]


def target(whole: Any, reference: str) -> Any:
    """What a reference within the document leads to; KeyError where it leads nowhere."""
    for part in reference.removeprefix("#/").split("/"):
        whole = whole[part]
    return whole


def references(part: Any) -> list[str]:
    if isinstance(part, list):
        return [one for item in part for one in references(item)]
    if not isinstance(part, dict):
        return []
    here = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
    return here + [one for item in part.values() for one in references(item)]


def errors(whole: Any) -> list[str]:
    return [error.json_path for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(whole)]


def test_the_document_is_what_asyncapi_asks_for_and_its_references_lead_somewhere(told: dict[str, Any]) -> None:
    assert errors(told) == []
    assert all(target(told, one) for one in references(told))
    assert set(told["operations"]) == {"take.erp.suppliers", "tell", "tell.all", "tell.bi"}
    assert "secret" not in json.dumps(told)
    assert "hub@" not in json.dumps(told)


@pytest.mark.parametrize(
    "broken",
    [
        lambda told: told.pop("info"),
        lambda told: told.update(asyncapi="2.6.0"),
        lambda told: told["operations"]["tell"].update(action="publish"),
        lambda told: told["channels"]["out"].update(publish={}),
        lambda told: told["servers"]["broker"].pop("host"),
    ],
)
def test_the_schema_finds_what_is_wrong(told: dict[str, Any], broken: Any) -> None:
    broken(told)
    assert errors(told) != []


def test_events_are_as_their_messages_say(world: BusWorld, told: dict[str, Any]) -> None:
    messages = told["components"]["messages"]
    record = jsonschema.Draft202012Validator(messages["erp.suppliers"]["payload"])
    assert record.is_valid(json.loads(event(1)))
    assert not record.is_valid(json.loads(event(1)) | {"data": {"name": "no key"}})
    with world.opened() as opened:
        assert list(places(opened.hub.workspace)) == ["erp.suppliers"]
        Door(opened.hub).accept("erp.suppliers", [event(1)])
        drain = Drain(opened.hub, world.said.append, lambda: False)
        drain.turn()
        drain.close()
    with world.opened() as opened:
        sent = outbox.unpublished(opened.hub.database, "supplier", 10)
    assert sent
    for one in sent:
        jsonschema.validate(shaped(one, "test"), messages["changed"]["payload"])


def test_the_exchanges_of_the_catalogue_are_those_of_the_broker(told: dict[str, Any]) -> None:
    names = {told["channels"][one]["bindings"]["amqp"]["exchange"]["name"] for one in ("in.erp.suppliers", "out")}
    prefix = Rabbit("test", "amqp://", None, Bus())._prefix
    assert names == {f"{prefix}.in", f"{prefix}.out"}


def test_the_command_prints_it(tmp_path: Path) -> None:
    said = desk(tmp_path / "work").cophub("schema", "asyncapi")
    assert said.code == 0, said.err
    assert errors(json.loads(said.out)) == []
