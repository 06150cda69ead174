"""Half a character in one record takes that record out, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.exchange.decisions.replay import replay
from hub.exchange.surrogates import mended
from hub.store import quarantined
from tests.unit.exchange.world import World, reconciled, some

GOOD = b'{"id": "1", "name": "ACME"}\n{"id": "2", "name": "\\ud83d\\ude00 Best"}\n'
BAD = b'{"id": "3", "name": "half \\ud83d of it"}\n'


def test_the_record_is_set_aside_with_its_place_and_the_others_are_read(world: World):
    file = world.data / "erp-suppliers.ndjson"
    text = GOOD + BAD + b'{"id": "4", "name": "\\\\ud83d"}\n'
    file.write_bytes(text)
    assert some(world.run()) == {"read": 4, "applied": 3, "created": 3, "quarantined": 1}
    (entry,) = world.held()
    assert (entry["key"], entry["code"], entry["position"]) == ("3", "record.surrogate", "erp-suppliers.ndjson:3")
    assert {row["name"] for row in world.golden().values()} == {"ACME", "\U0001f600 Best", "\\ud83d"}
    assert file.read_bytes() == text
    assert some(world.run()) == {"read": 4, "unchanged": 3, "quarantined": 1}
    with world.opened() as opened:
        (chosen,) = quarantined.chosen(opened.hub.database)
        again = reconciled(replay(opened.hub, chosen, "again"))
    assert (again.counts["quarantined"], len(world.golden())) == (1, 3)
    file.write_bytes(GOOD + BAD.replace(b"\\ud83d", b"\\ud83d\\ude00"))
    world.run()
    assert (world.golden()["3"]["name"], world.held()) == ("half \U0001f600 of it", [])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (rb"\ud83d\ude00", rb"\ud83d\ude00"),
        (rb"\ud83d", rb"\uffffd83d"),
        (rb"\ude00\ud83d", rb"\uffffde00\uffffd83d"),
        (rb"\\ud83d", rb"\\ud83d"),
        (rb"\\\ud83dx", rb"\\\uffffd83dx"),
        (rb"\u0041\n", rb"\u0041\n"),
    ],
)
def test_only_halves_are_marked(tmp_path: Path, text: bytes, wanted: bytes):
    file = tmp_path / "a.ndjson"
    file.write_bytes(text + b"\n")
    copy = mended(file, 1000)
    assert (copy or file).read_bytes() == wanted + b"\n"
    assert (copy is not None) == (text != wanted)
