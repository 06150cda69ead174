"""A throwaway PostgreSQL cluster. Its safety against power loss is off: that is for tests only."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.systems.place import Place, Unavailable, free_port, run, unprivileged, wait_until

APT = ("postgresql",)
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "password_encryption": "scram-sha-256",
}


def _programs() -> Path | None:
    """Debian keeps initdb and postgres out of the PATH, one folder per version."""
    versions = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if versions:
        return max(versions, key=lambda path: float(path.parent.name))
    found = shutil.which("initdb")
    return Path(found).parent if found else None


def installed() -> bool:
    return _programs() is not None


def up(place: Place) -> Mapping[str, str]:
    programs = _programs()
    if programs is None:
        raise Unavailable("initdb is not there")
    home, port = place.scratch(), free_port()
    password = home / "password"
    password.write_text("hub")
    password.chmod(0o644)
    # Roles that tests make log in by SCRAM, which "md5" allows; for the thousands of logins of this one its
    # 4,096 rounds are left out.
    login = ("-U", "hub", "-A", "md5", "--pwfile", password)
    create = (programs / "initdb", "-D", home / "data", *login, "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
    run(create, cwd=home, **unprivileged())
    settings = [f"-c{name}={value}" for name, value in SETTINGS.items()]
    process = place.start(
        [programs / "postgres", "-D", home / "data", "-p", str(port), "-k", home, *settings],
        stop=signal.SIGINT,  # "fast": does not wait for clients
        cwd=home,
        **unprivileged(),
    )
    ready = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    wait_until(lambda: subprocess.call(ready) == 0, 60, process, place.log)
    return {"HUB_TEST_POSTGRES_URL": f"postgresql://hub:hub@127.0.0.1:{port}/postgres"}
