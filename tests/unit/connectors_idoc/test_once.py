"""P2 for IDocs through whole exchanges: a hub that dies and a SAP that does not answer make no second message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub import failpoints
from hub.errors import Fatal
from tests.faults.matrix import row
from tests.stores import SqliteStore
from tests.unit.connectors_idoc.test_sent import CONTROL, FIELD, XSD
from tests.unit.connectors_idoc.test_service import DONE, SECRET, Sap
from tests.unit.exchange.world import World, some
from tests.unit.http.fake import Answer, Fake, fake

PART = """
    model: part
    key: [code]
    fields:
      code: {type: text, required: true}
      name: {type: text}
"""
IN = "mapping: parts-in\nfrom: pim.parts\ninto: part\nfields: {code: id, name: name}\nunmatched: create\n"
OUT = "mapping: parts-out\nfrom: part\ninto: sap.parts\nkey: MATNR\nfields: {MATNR: code, E1MARAM.BRGEW: name}\n"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "w", SqliteStore())
    made.model(PART)
    made.files("pim", parts="{id: text, name: text}")
    made.mapping(IN)
    made.mapping(OUT)
    fields = FIELD.format("MATNR", 8) + FIELD.format("BRGEW", 13)
    made.write("config/m.xsd", XSD.format(fields=fields, texts=FIELD.format("MAKTX", 10)))
    yield made
    failpoints.arm("")
    made.close()


def sending(world: World, where: str, path: str = "") -> None:
    part = "type: MATMAS05, definition: m.xsd, lift: {MATNR: E1MARAM.MATNR}, key: MATNR"
    send = f"send: {{updates: send, control: {json.dumps(CONTROL)}}}"
    delivery = "delivery: {attempts: 1, failures: 9}"
    text = f"system: sap\nconnector: idoc\n{where}\n{delivery}\nresources:\n  parts: {{{path}{part}, {send}}}\n"
    world.write("config/systems/sap.yaml", text)


def run(world: World, name: str) -> Any:
    world.first("pim.parts", {"id": "A", "name": name}, mapping="parts-in")
    return world.run("parts-out", "incremental")


@pytest.mark.parametrize("point", ["after_intent", "before_target_call", "after_target_ack", "before_commit"])
def test_a_hub_that_dies_on_the_way_leaves_one_file_for_each_change(world: World, point: str) -> None:
    sending(world, f"folder: {world.data}", "path: 'to_sap/{DOCNUM}.xml', ")
    for number, name in enumerate(("first", "second"), 1):
        world.first("pim.parts", {"id": "A", "name": name}, mapping="parts-in")
        failpoints.arm(f"{point}=raise")
        with pytest.raises(Fatal, match=r"failpoint|reached"):
            world.run("parts-out", "incremental")
        failpoints.arm("")
        world.run("parts-out", "incremental")
        files = list((world.data / "to_sap").iterdir())
        assert len(files) == number
        assert sum(f"<BRGEW>{name}</BRGEW>" in file.read_text("utf-8") for file in files) == 1


@row(14, "an IDoc whose answer is lost goes again with the same message id")
def test_an_answer_that_is_lost_leads_to_one_message_in_sap(world: World) -> None:
    system = Sap()
    world.variables["COPHUB_SECRET_SAP_PASSWORD"] = SECRET
    with fake(system.reply) as server:
        sending(world, at(server))
        for number, name in enumerate(("first", "second"), 1):
            system.answers = [Answer(raw=b""), DONE]
            assert some(run(world, name), "waiting", "applied") == {"waiting": 1, "applied": 0}
            assert some(world.run("parts-out", "incremental"), "waiting", "applied") == {"waiting": 0, "applied": 1}
            assert (len(server.asked), len(system.kept)) == (2 * number, number)
    names = [record["E1MARAM"][0]["BRGEW"] for record in system.kept.values()]
    assert names == ["first", "second"]


def at(server: Fake) -> str:
    auth = "auth: {basic: {username: HUB, password: secret://sap/password}}"
    return f"http: {{url: '{server.url}', client: '100', {auth}, limits: {{retries: 0}}}}"
