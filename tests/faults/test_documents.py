"""Documents killed on their way: no torn version anywhere, and the next run ends as if nothing had happened."""

from __future__ import annotations

import hashlib
import os
import signal
from pathlib import Path

import pytest

from tests.faults.forker import Forker
from tests.faults.matrix import row
from tests.unit.exchange.test_documents import CONTRACT, IN, OUT

WHOLE = os.urandom(3 << 20)


@pytest.fixture
def shares(tmp_path: Path) -> Path:
    files = {"config/hub.yaml": "hub: test", "config/models/contract.yaml": CONTRACT}
    for name in ("north", "south"):
        (tmp_path / name).mkdir()
        files[f"config/systems/{name}.yaml"] = (
            f"system: {name}\nconnector: documents\nurl: {tmp_path / name}\nresources:\n  docs: {{settle: 0s}}\n"
        )
        files[f"mappings/from-{name}.yaml"] = IN.format(name=f"from-{name}", system=name)
        files[f"mappings/to-{name}.yaml"] = OUT.format(name=f"to-{name}", system=name)
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        lines = text.strip("\n").splitlines()
        indent = len(lines[0]) - len(lines[0].lstrip())
        (tmp_path / path).write_text("".join(f"{line[indent:]}\n" for line in lines))
    return tmp_path


@row(3, "a document, killed")
def test_a_document_killed_at_every_point_is_whole_or_not_there(shares: Path, forker: Forker) -> None:
    def cophub(*words: str, kill: str = "") -> int:
        variables = {"COPHUB_FAILPOINT": kill} if kill else {}
        process = forker.begin([*words, "--workspace", str(shares), "--json", "--quiet"], variables)
        return process.wait()

    assert cophub("migrate") == 0
    (shares / "north" / "a.pdf").write_bytes(WHOLE)
    seen = shares / "south" / "a.pdf"
    for exchange, points in (
        ("from-north", "after_content after_page before_commit"),
        ("to-south", "before_content_sent after_target_ack after_outcomes"),
    ):
        for point in points.split():
            ended = cophub("run", exchange, "--initial", kill=point)
            assert ended == -signal.SIGKILL
            assert not seen.exists() or seen.read_bytes() == WHOLE
        assert cophub("run", exchange, "--initial") == 0
    assert seen.read_bytes() == WHOLE
    assert [path.name for path in (shares / "south").iterdir()] == ["a.pdf"]
    stored = [path.name for path in (shares / ".cophub/contents").glob("??/*")]
    assert stored == [hashlib.sha256(WHOLE).hexdigest()]
