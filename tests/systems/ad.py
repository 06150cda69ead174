"""Samba as the domain controller of an Active Directory: a real one, with DirSync, tombstones and unicodePwd.

Samba speaks LDAP on port 389 and nowhere else, so there is one of it on a machine; it needs root. Only its LDAP
server runs: plain text, StartTLS and, on port 636, LDAPS.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Mapping
from urllib.parse import quote

from tests.systems.certificates import write_certificates
from tests.systems.place import Place, Unavailable, run, wait_until

APT = (
    "samba-ad-dc", "samba-ad-provision", "samba-dsdb-modules", "samba-vfs-modules", "python3-samba", "winbind",
    "ldb-tools", "ldap-utils",
)  # fmt: skip
PROGRAMS = ("samba", "samba-tool", "ldapsearch")
PATH = "/usr/sbin:/usr/bin:/bin:/usr/local/sbin:/usr/local/bin"
PORT = 389
REALM, DOMAIN, BASE = "CORP.EXAMPLE.COM", "CORP", "DC=corp,DC=example,DC=com"
USER, PASSWORD = f"Administrator@{REALM.lower()}", "Adm1n-Pass!2026"
BARE = f"[global]\nserver role = active directory domain controller\nrealm = {REALM}\nworkgroup = {DOMAIN}\n"
OPTIONS = """server services = ldap
	ldap server require strong auth = no
	tls enabled = yes
	tls keyfile = {home}/server.key
	tls certfile = {home}/server.pem
	tls cafile = {home}/ca.pem
	pid directory = {home}/run
	ncalrpc dir = {home}/run/ncalrpc
	log file = {home}/samba.log
"""


def installed() -> bool:
    return all(shutil.which(program, path=PATH) for program in PROGRAMS)


def up(place: Place) -> Mapping[str, str]:
    if os.geteuid() != 0:
        raise Unavailable("Samba needs root")
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", PORT)) == 0:
            raise Unavailable(f"port {PORT} of the loopback is taken, and Samba knows no other")
    home = place.scratch()
    shutil.chown(home, "root", "root")
    write_certificates(home)
    (home / "server.key").chmod(0o600)  # Samba refuses a key that others can read
    (home / "run").mkdir()
    # The package's own /etc/samba/smb.conf has another role, which provisioning refuses.
    bare = home / "bare.conf"
    bare.write_text(BARE)
    provision = [
        "samba-tool", "domain", "provision", f"--realm={REALM}", f"--domain={DOMAIN}", "--server-role=dc",
        "--dns-backend=SAMBA_INTERNAL", f"--adminpass={PASSWORD}", "--host-ip=127.0.0.1",
        "--host-name=dc1", "--use-rfc2307", f"--targetdir={home / 'dc'}",
        "--option=interfaces=lo", "--option=bind interfaces only=yes",
    ]  # fmt: skip
    run(provision, env=os.environ | {"SMB_CONF_PATH": str(bare), "PATH": PATH})
    config = home / "dc" / "etc" / "smb.conf"
    config.write_text(config.read_text().replace("[global]\n", f"[global]\n\t{OPTIONS.format(home=home)}", 1))
    process = place.start([shutil.which("samba", path=PATH), "-F", "-s", config], cwd=home)
    ask = [
        "ldapsearch",
        "-x",
        "-H",
        f"ldap://127.0.0.1:{PORT}",
        "-D",
        USER,
        "-w",
        PASSWORD,
        "-s",
        "base",
        "-b",
        BASE,
    ]
    wait_until(lambda: subprocess.run(ask, capture_output=True).returncode == 0, 60, process, place.log)
    login = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}"
    return {
        "HUB_TEST_AD_URL": f"ldap://{login}@127.0.0.1:{PORT}/{BASE}",
        "HUB_TEST_AD_CA": str(home / "ca.pem"),
    }
