"""Commands in README and documentation exist, with the options they are given; README's proofs exist."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from hub.cli.app import COMMANDS, command
from tests.docs.pages import ROOT, Block, blocks

GLOBAL = {"--json", "--quiet", "-q", "--workspace", "-w", "--env", "--help", "-h", "--version"}
WITH_VALUE = {"--workspace", "-w", "--env"}
README = (ROOT / "README.md").read_text(encoding="utf-8")


def calls(block: Block) -> Iterator[list[str]]:
    """The words behind each ``cophub`` of a block."""
    for line in block.text.splitlines():
        lexer = shlex.shlex(line.split(" #")[0], posix=True, punctuation_chars="|;&")
        lexer.whitespace_split = True
        for marked, part in itertools.groupby(lexer, lambda word: set(word) <= set("|;&")):
            words = [] if marked else list(part)
            if "cophub" in words:
                yield words[words.index("cophub") + 1 :]


def unknown(words: list[str]) -> list[str]:
    """What of a call does not exist."""
    while words and words[0].startswith("-"):
        taken = 2 if words[0] in WITH_VALUE else 1
        if words[0] not in GLOBAL:
            return words[:1]
        words = words[taken:]
    if not words:
        return []
    if words[0] not in COMMANDS:
        return words[:1]
    one: Any = command(words[0])
    rest = words[1:]
    while rest and rest[0] in getattr(one, "commands", {}):
        one, rest = one.commands[rest[0]], rest[1:]
    options = {name for param in one.params for name in (*param.opts, *param.secondary_opts)} | GLOBAL
    return [word for word in rest if word.startswith("--") and word.partition("=")[0] not in options]


@pytest.mark.parametrize("block", [one for one in blocks("sh") if "cophub" in one.text], ids=str)
def test_commands_and_options_exist(block: Block) -> None:
    assert [(words, bad) for words in calls(block) if (bad := unknown(words))] == []


def test_a_wrong_command_or_option_would_be_found() -> None:
    assert unknown(["--env", "prod", "rnu"]) == ["rnu"]
    assert unknown(["run", "x", "--quick"]) == ["--quick"]


def test_targets_of_make_exist() -> None:
    there = re.findall(
        r"^([a-z-]+)(?: [a-z0-9 -]+)?:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert set(re.findall(r"make ([a-z-]+)", "".join(block.text for block in blocks("sh")))) <= set(there)


def test_proofs_of_the_promises_exist() -> None:
    proofs = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", README)
    assert {f"P{number}" for number in range(1, 11)} <= set(
        re.findall(r"^\| (P\d+) \|", README, re.MULTILINE)
    )
    missing = [
        f"{path}::{name}"
        for path, name in proofs
        if not (ROOT / path).exists() or f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8")
    ]
    assert missing == []
    assert len(proofs) >= 10
