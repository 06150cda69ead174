"""Where the master keys come from: environment, file or command. Never the database.

A key is the base64 of 32 random bytes. Several, the newest first, are separated by commas or lines;
``#`` begins a comment line. Exactly one of ``COPHUB_MASTER_KEY``, ``COPHUB_MASTER_KEY_FILE`` and
``COPHUB_MASTER_KEY_COMMAND`` is set. Errors (AuthError): ``key.missing``, ``key.invalid``,
``key.permissions``; none of them shows what was read.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from hub.crypto import KEY_BYTES, KeyRing, key_id
from hub.errors import AuthError
from hub.security.files import read_private

KEY = "COPHUB_MASTER_KEY"
KEY_FILE = "COPHUB_MASTER_KEY_FILE"
KEY_COMMAND = "COPHUB_MASTER_KEY_COMMAND"
COMMAND_SECONDS = 15.0

_REMEDY = f"cophub secrets keygen > master.key; chmod 600 master.key; export {KEY_FILE}=$PWD/master.key"


def generate() -> str:
    """A new master key as text."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


def generate_file(path: Path) -> str:
    """Write a new master key into a new file that only its owner can read, and answer the key's id.
    A file that is there already is never replaced: FileExistsError. Nobody sees half of a key."""
    text = generate()
    part = path.with_name(f"{path.name}.{os.urandom(6).hex()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{text}\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)
    finally:
        part.unlink()
    return key_id(base64.b64decode(text)).hex()


def load(environment: Mapping[str, str], *, default: Path | None = None) -> KeyRing:
    """The master keys of this process; ``default`` is a key file used where no variable is set and the
    file is there."""
    given = [name for name in (KEY, KEY_FILE, KEY_COMMAND) if environment.get(name, "").strip()]
    if len(given) > 1:
        raise AuthError(
            "key.invalid", f"{' and '.join(given)} are both set", where=given[0], hint="set only one of them"
        )
    if not given:
        if default is not None and default.exists():
            return parse(read_private(default, "key.permissions").decode("latin-1"), str(default))
        raise AuthError("key.missing", "there is no master key for sealed values", hint=_REMEDY)
    name, value = given[0], environment[given[0]].strip()
    if name == KEY:
        return parse(value, KEY)
    if name == KEY_COMMAND:
        return parse(_run(value, environment), KEY_COMMAND)
    path = Path(value).expanduser()
    if not path.is_file():
        raise AuthError("key.missing", f"there is no key file {path}", where=KEY_FILE, hint=_REMEDY)
    return parse(read_private(path, "key.permissions").decode("latin-1"), str(path))


def parse(text: str, where: str) -> KeyRing:
    """Keys of a text, the newest first."""
    lines = [line.strip() for line in re.split(r"[\r\n,]+", text.removeprefix("\ufeff"))]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        raise AuthError("key.missing", "there is no key in it", where=where, hint=_REMEDY)
    keys = [_decode(line, f"{where}, key {number}") for number, line in enumerate(lines, start=1)]
    if len(set(keys)) != len(keys):
        raise AuthError("key.invalid", "the same key stands in it twice", where=where)
    return KeyRing(keys)


def _decode(line: str, where: str) -> bytes:
    standard = line.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        key = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise AuthError(
            "key.invalid",
            f"this is not the base64 of {KEY_BYTES} bytes",
            where=where,
            hint="make one with cophub secrets keygen",
        )
    if len(set(key)) < 8:  # zeros, "aaaa…": a placeholder that was never replaced
        raise AuthError(
            "key.invalid", "this key is not random", where=where, hint="make one with cophub secrets keygen"
        )
    return key


def _run(command: str, environment: Mapping[str, str]) -> str:
    """What a key command prints. No shell reads it; its errors are not shown, they may hold anything."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise AuthError("key.invalid", f"cannot read the command: {error}", where=KEY_COMMAND) from None
    try:
        process = subprocess.Popen(
            words,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise AuthError("key.missing", f"there is no program {words[0]}", where=KEY_COMMAND) from None
    except PermissionError:
        raise AuthError("key.permissions", f"{words[0]} cannot be executed", where=KEY_COMMAND) from None
    with process:
        try:
            printed, _ = process.communicate(timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # its children too: they hold the pipe open
            raise AuthError(
                "key.missing",
                f"{words[0]} did not answer within {COMMAND_SECONDS:.0f} s",
                where=KEY_COMMAND,
                hint="it must not ask questions: its input is closed",
            ) from None
    if process.returncode != 0:
        raise AuthError(
            "key.missing",
            f"{words[0]} ended with status {process.returncode}",
            where=KEY_COMMAND,
            hint="run it by hand as the hub's user",
        )
    return printed.decode("latin-1")
