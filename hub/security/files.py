"""Reading of files that hold secrets, with their permissions checked before their content."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hub.errors import AuthError

MAX_BYTES = 64 * 1024


def read_private(path: Path, code: str) -> bytes:
    """The bytes of a file that only its owner can read.

    Refused with AuthError ``code``: a file that others may read or write, that belongs to neither us
    nor root, that is no plain file, or is larger than 64 KiB. On a read-only mount reading by others is
    accepted: Docker and Kubernetes mount secrets so, with mode 0444 or 0644 inside of the container.
    Checked is the open file, so that it cannot be exchanged in between.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        raise AuthError(
            code,
            "the hub's user may not read this file",
            where=str(path),
            hint=f"chown it to uid {os.getuid()}",
        ) from None
    with os.fdopen(descriptor, "rb") as file:
        state = os.fstat(file.fileno())
        mode = stat.S_IMODE(state.st_mode)
        mounted = bool(os.fstatvfs(file.fileno()).f_flag & os.ST_RDONLY)
        if not stat.S_ISREG(state.st_mode) or state.st_size > MAX_BYTES:
            raise AuthError(code, f"this is no plain file of at most {MAX_BYTES} bytes", where=str(path))
        if state.st_uid not in (0, os.getuid()):
            raise AuthError(
                code,
                f"this file belongs to uid {state.st_uid}, who could change it",
                where=str(path),
                hint=f"chown it to uid {os.getuid()}",
            )
        if mode & 0o077 and not mounted:
            raise AuthError(
                code,
                f"others may read or write this file (mode {mode:04o})",
                where=str(path),
                hint=f"chmod 600 {path}",
            )
        return file.read(MAX_BYTES + 1)
