from __future__ import annotations

import base64
import os
import stat
import sys
from pathlib import Path

import pytest

from hub.crypto import key_id
from hub.errors import AuthError
from hub.security import keys

KEY, OTHER = keys.generate(), keys.generate()


def code(environment: dict[str, str], default: Path | None = None) -> str:
    with pytest.raises(AuthError) as caught:
        keys.load(environment, default=default)
    assert KEY not in str(caught.value)
    return caught.value.code


def kid(text: str) -> bytes:
    return key_id(base64.b64decode(text))


def test_generated_keys_are_random_and_load() -> None:
    assert KEY != OTHER
    assert keys.load({"COPHUB_MASTER_KEY": KEY}).newest == kid(KEY)


def test_the_newest_of_several_keys_is_the_first() -> None:
    assert keys.load({"COPHUB_MASTER_KEY": f"{OTHER},{KEY}"}).kids == (kid(OTHER), kid(KEY))


def test_url_safe_base64_without_padding_is_read() -> None:
    text = KEY.replace("+", "-").replace("/", "_").rstrip("=")
    assert keys.load({"COPHUB_MASTER_KEY": text}).newest == kid(KEY)


@pytest.mark.parametrize(
    "text",
    ["hello", "AAAA", KEY[:-4], KEY + "AAAA", f"{KEY},x", f"{KEY},{KEY}", "A" * 43 + "=", "é" * 44],
    ids=["word", "few", "cut", "long", "second", "twice", "zeros", "letters"],
)
def test_an_invalid_key_is_refused_without_showing_it(text: str) -> None:
    assert code({"COPHUB_MASTER_KEY": text}) == "key.invalid"


def test_no_key_is_said_with_the_remedy() -> None:
    assert code({}) == code({"COPHUB_MASTER_KEY": "  "}) == "key.missing"
    with pytest.raises(AuthError, match="cophub secrets keygen"):
        keys.load({})


def test_two_places_at_once_are_refused() -> None:
    assert code({"COPHUB_MASTER_KEY": KEY, "COPHUB_MASTER_KEY_FILE": "x"}) == "key.invalid"


def test_a_generated_file_is_private_and_loads(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    shown = keys.generate_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keys.load({"COPHUB_MASTER_KEY_FILE": str(path)}).newest.hex() == shown
    assert keys.load({}, default=path).newest.hex() == shown
    with pytest.raises(FileExistsError):
        keys.generate_file(path)


def test_a_file_may_hold_comments_and_old_keys(tmp_path: Path) -> None:
    path = tmp_path / "k"
    path.write_text(f"# 2026\r\n{OTHER}\r\n# 2025\r\n{KEY}\r\n")
    path.chmod(0o600)
    assert keys.load({"COPHUB_MASTER_KEY_FILE": str(path)}).kids == (kid(OTHER), kid(KEY))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610])
def test_a_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "k"
    path.write_text(KEY)
    path.chmod(mode)
    assert code({"COPHUB_MASTER_KEY_FILE": str(path)}) == "key.permissions"


def test_a_missing_or_empty_file_is_said(tmp_path: Path) -> None:
    empty = tmp_path / "k"
    empty.touch(0o600)
    empty.chmod(0o600)
    assert code({"COPHUB_MASTER_KEY_FILE": str(empty)}) == "key.missing"
    assert code({"COPHUB_MASTER_KEY_FILE": str(tmp_path / "none")}) == "key.missing"
    assert code({"COPHUB_MASTER_KEY_FILE": str(tmp_path)}) == "key.missing"


def test_a_pipe_in_place_of_the_file_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "k", 0o600)
    assert code({}, default=tmp_path / "k") == "key.permissions"


def test_a_command_gives_the_key() -> None:
    command = f"{sys.executable} -c \"print('{KEY}')\""
    assert keys.load({"COPHUB_MASTER_KEY_COMMAND": command}).newest == kid(KEY)


def test_no_shell_reads_the_command(tmp_path: Path) -> None:
    assert code({"COPHUB_MASTER_KEY_COMMAND": f"echo x; touch {tmp_path}/made"}) == "key.invalid"
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("no-such-program-here", "key.missing"),
        ("false", "key.missing"),
        ("'", "key.invalid"),
        ("/", "key.permissions"),
    ],
)
def test_a_failing_command_is_said(command: str, expected: str) -> None:
    assert code({"COPHUB_MASTER_KEY_COMMAND": command}) == expected


def test_a_hanging_command_is_killed_with_its_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "COMMAND_SECONDS", 0.2)
    assert (
        code({"COPHUB_MASTER_KEY_COMMAND": "sh -c 'sleep 60 & sleep 60'", "PATH": os.environ["PATH"]})
        == "key.missing"
    )
