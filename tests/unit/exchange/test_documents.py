"""Documents by the same stages as records: shares of this host, through the content store, into golden records."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from pathlib import Path

import pytest

from hub.exchange.decisions.deciding import decide
from hub.exchange.documents.retention import sweep
from hub.store import reviews
from tests.unit.exchange.world import World

CONTRACT = """
    model: contract
    key: [code]
    level: L1
    fields:
      code: {type: text, required: true, unique: true}
      media: {type: text}
      bytes: {type: integer}
      content: {type: content, required: true}
"""
IN = """
    mapping: {name}
    from: {system}.docs
    into: contract
    match:
      - [code]
    fields:
      code: path
      media: media_type
      bytes: size
      content: content
    unmatched: create
    absent: {{reaction: disable}}
"""
OUT = """
    mapping: {name}
    from: contract
    into: {system}.docs
    key: path
    changed_by_hand: review
    fields:
      path: code
      content: content
"""


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Shares:
    """Two folders, north and south, that the hub keeps alike."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.model(CONTRACT)
        for name in ("north", "south"):
            (world.folder / name).mkdir()
            lines = f"""
                system: {name}
                connector: documents
                url: {world.folder / name}
                resources:
                  docs: {{settle: 0s}}
            """
            world.write(f"config/systems/{name}.yaml", lines)
            world.mapping(IN.format(name=f"from-{name}", system=name))
            world.mapping(OUT.format(name=f"to-{name}", system=name))

    def put(self, system: str, path: str, text: str) -> Path:
        file = self.world.folder / system / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def text(self, system: str, path: str) -> str | None:
        file = self.world.folder / system / path
        return file.read_text() if file.exists() else None

    def golden(self) -> dict[str, str]:
        return {code: row["content"] for code, row in self.world.golden("contract").items()}

    def exchange(self, *names: str) -> None:
        for name in names or ("from-north", "from-south", "to-north", "to-south"):
            self.world.run(name)


@pytest.fixture
def shares(world: World) -> Shares:
    return Shares(world)


def test_a_document_goes_from_one_share_to_the_other(shares: Shares) -> None:
    shares.put("north", "2026/a.pdf", "one")
    shares.exchange()
    assert shares.golden() == {"2026/a.pdf": sha("one")}
    assert shares.text("south", "2026/a.pdf") == "one"
    again = shares.world.run("from-south")
    assert again.counts["updated"] == again.counts["in_review"] == 0


def test_a_new_version_follows_and_the_old_one_is_kept(shares: Shares) -> None:
    shares.put("north", "a.pdf", "one")
    shares.exchange()
    shares.put("north", "a.pdf", "two")
    shares.exchange()
    assert shares.text("south", "a.pdf") == "two"
    assert [row["content"] for row in shares.world.history("contract")] == [sha("one")]
    stored = {path.name for path in (shares.world.folder / ".cophub/contents").glob("??/*")}
    assert stored == {sha("one"), sha("two")}


def test_touching_a_file_is_no_new_version(shares: Shares) -> None:
    file = shares.put("north", "a.pdf", "one")
    shares.exchange()
    os.utime(file, (1, 1))
    result = shares.world.run("from-north")
    assert (result.counts["updated"], shares.world.golden("contract")["a.pdf"]["_version"]) == (0, 1)


def both_edited(shares: Shares) -> None:
    shares.put("north", "a.pdf", "one")
    shares.exchange()
    shares.put("north", "a.pdf", "north's two")
    shares.put("south", "a.pdf", "south's two")
    shares.exchange()


def test_two_editors_at_once_are_a_review_and_nothing_is_lost(shares: Shares) -> None:
    both_edited(shares)
    assert shares.world.reasons("from-south") == [("a.pdf", "in_review", "document.conflict")]
    assert shares.golden() == {"a.pdf": sha("north's two")}
    assert shares.text("south", "a.pdf") == "south's two"  # the hub writes over nothing that it has not heard
    stored = {path.name for path in (shares.world.folder / ".cophub/contents").glob("??/*")}
    assert {sha("north's two"), sha("south's two")} <= stored


@pytest.mark.parametrize(("kind", "wins"), [("link", "south's two"), ("reject", "north's two")])
def test_a_conflict_ends_as_a_person_says(shares: Shares, kind: str, wins: str) -> None:
    both_edited(shares)
    with shares.world.opened() as opened:
        [review] = reviews.list_reviews(opened.hub.database, "from-south")
        entity = str(reviews.candidates(opened.hub.database, review.id)[0].entity) if kind == "link" else None
        assert decide(opened.hub, str(review.id), kind, entity, "looked at both").result is not None
    shares.exchange("to-north", "to-south")
    assert (shares.golden(), shares.text("north", "a.pdf")) == ({"a.pdf": sha(wins)}, wins)
    assert shares.text("south", "a.pdf") == wins
    shares.exchange("from-south")
    assert shares.world.reasons("from-south") == []


def test_an_empty_version_does_not_take_the_place_of_a_full_one(shares: Shares) -> None:
    shares.put("north", "a.pdf", "one")
    shares.exchange("from-north")
    shares.put("north", "a.pdf", "")
    shares.exchange("from-north")
    assert shares.world.reasons("from-north") == [("a.pdf", "in_review", "document.emptied")]
    assert shares.golden() == {"a.pdf": sha("one")}


def test_hostile_names_and_links_are_set_aside_and_the_others_go_on(shares: Shares) -> None:
    shares.put("north", "good.pdf", "one")
    shares.put("north", "bad\nname.pdf", "two")
    (shares.world.folder / "north" / "link.pdf").symlink_to("/etc/passwd")
    shares.exchange("from-north", "to-south")
    assert {(key, code) for key, _, code in shares.world.reasons("from-north")} == {
        ("bad\nname.pdf", "document.refused"),
        ("link.pdf", "document.refused"),
    }
    assert [path.name for path in (shares.world.folder / "south").iterdir()] == ["good.pdf"]


def test_a_half_uploaded_file_waits_and_what_is_too_large_is_set_aside(shares: Shares) -> None:
    shares.world.write("config/hub.yaml", "hub: test\ncontents: {largest: 1KB}")
    lines = (shares.world.folder / "config/systems/north.yaml").read_text()
    shares.world.write("config/systems/north.yaml", lines.replace("0s", "1h"))
    shares.put("north", "fresh.pdf", "half")
    os.utime(shares.put("north", "large.pdf", "x" * 2000), (1, 1))
    shares.exchange("from-north")
    assert {(key, code) for key, _, code in shares.world.reasons("from-north")} == {
        ("fresh.pdf", "file.unsettled"),
        ("large.pdf", "content.large"),
    }
    assert not [*(shares.world.folder / ".cophub/contents/parts").iterdir()]


def test_what_nobody_holds_any_more_is_removed_after_its_time(shares: Shares) -> None:
    shares.put("north", "a.pdf", "one")
    shares.exchange("from-north")
    shares.put("north", "a.pdf", "two")
    shares.exchange("from-north")
    contents = shares.world.folder / ".cophub/contents"
    with shares.world.opened() as opened:
        opened.hub.contents.put([b"nobody's"])
        (contents / "parts/left.part").write_bytes(b"of a process that was killed")
        month = opened.hub.clock() - dt.timedelta(days=30)
        assert sweep(opened.hub.database, opened.hub.contents, month) == 0
        for path in contents.glob("??*/*"):
            os.utime(path, (1, 1))
        assert sweep(opened.hub.database, opened.hub.contents, month) == 1
    assert {path.name for path in contents.glob("??*/*")} == {sha("one"), sha("two")}
