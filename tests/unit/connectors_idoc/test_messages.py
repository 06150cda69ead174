"""IDocs are messages: a folder that is emptied deletes nothing, and the newest word about an object counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hub.errors import ConfigError
from tests.stores import SqliteStore
from tests.unit.connectors_idoc.test_sent import CONTROL, FIELD, XSD
from tests.unit.exchange.world import World, some

MATERIAL = """
    model: material
    key: [code]
    fields:
      code: {type: text, required: true}
      name: {type: text}
"""
MAPPING = """
    mapping: materials
    from: sap.materials
    into: material
    match: [[code]]
    fields: {code: MATNR, name: "E1MARAM[1].BISMT"}
    unmatched: create
    guard: off
"""
IDOC = """<MATMAS05><IDOC BEGIN="1"><EDI_DC40 SEGMENT="1"><DOCNUM>{number:016}</DOCNUM><IDOCTYP>MATMAS05</IDOCTYP>
<CREDAT>20260101</CREDAT><CRETIM>{number:06}</CRETIM></EDI_DC40>
<E1MARAM SEGMENT="1"><MATNR>{code}</MATNR><BISMT>{name}</BISMT></E1MARAM></IDOC></MATMAS05>"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path / "w", SqliteStore())
    made.model(MATERIAL)
    made.write(
        "config/systems/sap.yaml",
        f"""
        system: sap
        connector: idoc
        folder: {made.data}
        resources:
          materials: {{path: "*.xml", type: MATMAS05, lift: {{MATNR: E1MARAM.MATNR}}, key: MATNR}}
        """,
    )
    made.mapping(MAPPING)
    return made


def put(world: World, number: int, code: str, name: str) -> None:
    (world.data / f"m{number:03}.xml").write_text(IDOC.format(number=number, code=code, name=name))


def test_messages_that_were_taken_away_delete_nothing(world: World) -> None:
    for number, code in enumerate("ABC", 1):
        put(world, number, code, f"name {code}")
    world.migrate()
    assert world.run("materials", initial=True).counts["created"] == 3
    for file in world.data.glob("m00[12].xml"):
        file.unlink()
    result = world.run("materials")
    assert {row["_state"] for row in world.golden("material").values()} == {0}
    assert any("its records are messages" in note for note in result.notes)
    (world.data / "m003.xml").unlink()
    world.run("materials")
    assert {row["_state"] for row in world.golden("material").values()} == {0}
    world.close()


def test_the_newest_message_about_an_object_counts_whatever_comes_later(world: World) -> None:
    put(world, 2, "A", "second")
    put(world, 3, "A", "third")
    world.migrate()
    world.run("materials", initial=True)
    assert {code: row["name"] for code, row in world.golden("material").items()} == {"A": "third"}
    for file in world.data.glob("*.xml"):
        file.unlink()
    put(world, 1, "A", "first, and late")
    put(world, 4, "B", "another")
    world.run("materials")
    assert {code: row["name"] for code, row in world.golden("material").items()} == {"A": "third", "B": "another"}
    put(world, 5, "A", "fifth")
    world.run("materials", "incremental")
    assert world.golden("material")["A"]["name"] == "fifth"
    world.close()


def test_a_reaction_to_what_is_gone_is_a_finding(world: World) -> None:
    world.mapping(MAPPING, absent="delete")
    with pytest.raises(ConfigError, match=r"absent would never happen: sap\.materials has messages"):
        world.migrate()
    world.close()


def test_a_definition_that_is_missing_is_a_finding(world: World) -> None:
    system = world.folder / "config/systems/sap.yaml"
    system.write_text(system.read_text().replace("key: MATNR", "key: MATNR, definition: none.xsd"))
    world.mapping(MAPPING, absent="delete")
    with pytest.raises(ConfigError, match=r"from: definition: there is no file none\.xsd"):
        world.migrate()
    world.close()


TO_SAP = """
    mapping: materials-to-sap
    from: material
    into: sap.materials_out
    key: MATNR
    fields:
      MATNR: code
      E1MARAM.BRGEW: "'1.5'"
      E1MARAM.E1MAKTM: "[{'SPRAS': 'E', 'MAKTX': name}, {'SPRAS': '1', 'MAKTX': upper(name)}]"
"""


def test_golden_records_become_idocs_once_each(world: World) -> None:
    fields = FIELD.format("MATNR", 8) + FIELD.format("BRGEW", 13)
    texts = FIELD.format("SPRAS", 1) + FIELD.format("MAKTX", 10)
    world.write("config/m.xsd", XSD.format(fields=fields, texts=texts))
    system = (world.folder / "config/systems/sap.yaml").read_text()
    path = "{path: 'out_{DOCNUM}.xml', type: MATMAS05, definition: m.xsd, lift: {MATNR: E1MARAM.MATNR}"
    sends = f"key: MATNR, send: {{updates: send, control: {json.dumps(CONTROL)}}}"
    system = system.replace("*.xml", "m*.xml").rstrip()
    world.write("config/systems/sap.yaml", f"{system}\n  materials_out: {path}, {sends}}}\n")
    world.mapping(TO_SAP)
    put(world, 1, "A", "pump")
    put(world, 2, "B", "name that is too long")
    world.migrate()
    world.run("materials", initial=True)
    result = world.run("materials-to-sap")
    assert some(result) == {"read": 2, "created": 2, "applied": 1, "quarantined": 1}
    (entry,) = world.held("materials-to-sap")
    assert (entry["code"], "E1MAKTM[1].MAKTX" in entry["message"]) == ("idoc.too_long", True)
    (file,) = world.data.glob("out_*.xml")
    text = file.read_text("utf-8")
    assert text.endswith(
        '<E1MARAM SEGMENT="1"><MATNR>A</MATNR><BRGEW>1.5</BRGEW><E1MAKTM SEGMENT="1"><SPRAS>E</SPRAS>'
        '<MAKTX>pump</MAKTX></E1MAKTM><E1MAKTM SEGMENT="1"><SPRAS>1</SPRAS><MAKTX>PUMP</MAKTX></E1MAKTM>'
        "</E1MARAM></IDOC></MATMAS05>"
    )
    assert some(world.run("materials-to-sap"), "applied") == {"applied": 0}
    put(world, 3, "A", "valve")
    put(world, 4, "B", "short")
    world.run("materials")
    assert some(world.run("materials-to-sap"), "applied", "quarantined") == {"applied": 2, "quarantined": 0}
    assert len(list(world.data.glob("out_*.xml"))) == 3
    world.close()
