"""OpenSSH's SFTP server, for the user who starts it, by a key; files may lie in its scratch folder."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from pathlib import Path

from tests.systems.place import Place, free_port, listening, run, wait_until

APT = ("openssh-server",)
SSHD = Path("/usr/sbin/sshd")
CONFIG = """Port {port}
ListenAddress 127.0.0.1
HostKey {home}/host
PidFile {home}/pid
AuthorizedKeysFile {home}/client.pub
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
ForceCommand internal-sftp
AllowTcpForwarding no
LogLevel ERROR
"""


def installed() -> bool:
    return SSHD.exists()


def up(place: Place) -> Mapping[str, str]:
    home, port = place.scratch(), free_port()
    if os.geteuid() == 0:  # the folder that it gives up its rights in
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        os.chown(home, 0, 0)
    for name in ("host", "client"):
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", home / name])
    (home / "files").mkdir()
    (home / "known_hosts").write_text(f"[127.0.0.1]:{port} {(home / 'host.pub').read_text()}")
    (home / "sshd_config").write_text(CONFIG.format(port=port, home=home))
    process = place.start([SSHD, "-D", "-e", "-f", home / "sshd_config"])
    wait_until(lambda: listening(port), 30, process, place.log)
    return {
        "HUB_TEST_SFTP_URL": f"sftp://{getpass.getuser()}@127.0.0.1:{port}{home}/files",
        "HUB_TEST_SFTP_KEY": str(home / "client"),
        "HUB_TEST_SFTP_HOSTS": str(home / "known_hosts"),
    }
