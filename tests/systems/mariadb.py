"""A throwaway MariaDB server."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping

from tests.systems.place import Place, free_port, run, unprivileged, wait_until

APT = ("mariadb-server", "mariadb-client")
PROGRAMS = ("mariadbd", "mariadb-install-db", "mariadb-admin")
FIRST = """create database hub character set utf8mb4;
create user hub@'127.0.0.1' identified by 'hub';
grant all on *.* to hub@'127.0.0.1' with grant option;
"""
SETTINGS = (
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--performance-schema=OFF",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-buffer-pool-size=128M",
    "--character-set-server=utf8mb4",
)
PATH = "/usr/sbin:/usr/bin:/bin:/usr/local/sbin:/usr/local/bin"


def installed() -> bool:
    return all(shutil.which(program, path=PATH) for program in PROGRAMS)


def up(place: Place) -> Mapping[str, str]:
    server, create, admin = (shutil.which(program, path=PATH) or program for program in PROGRAMS)
    home, port = place.scratch(), free_port()
    data = f"--datadir={home / 'data'}"
    run(
        [create, "--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-test-db"],
        cwd=home,
        **unprivileged(),
    )
    first = home / "first.sql"
    first.write_text(FIRST)
    first.chmod(0o644)
    files = (data, f"--socket={home / 'socket'}", f"--pid-file={home / 'pid'}", f"--init-file={first}")
    process = place.start(
        [server, "--no-defaults", f"--port={port}", *files, *SETTINGS], cwd=home, **unprivileged()
    )
    ping = [admin, "--no-defaults", "-h127.0.0.1", f"-P{port}", "-uhub", "-phub", "ping"]
    wait_until(lambda: subprocess.run(ping, capture_output=True).returncode == 0, 60, process, place.log)
    return {"HUB_TEST_MARIADB_URL": f"mysql://hub:hub@127.0.0.1:{port}/hub"}
