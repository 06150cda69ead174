"""Dovecot, an IMAP server with CONDSTORE, in plain text with STARTTLS, and by TLS. Any user may log in with the one
password, and gets an empty mailbox of their own. It must be started as root: it changes its users by itself."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.systems.certificates import write_certificates
from tests.systems.place import Place, Unavailable, free_port, listening, wait_until

APT = ("dovecot-imapd",)
PATH = "/usr/sbin:/usr/bin:/bin:/usr/local/sbin:/usr/local/bin"
USER, PASSWORD = "alice", "ma1l-pa55word"
CONFIG = """base_dir = {home}/run
state_dir = {home}/run
log_path = {home}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{home}/server.pem
ssl_key = <{home}/server.key
disable_plaintext_auth = no
default_internal_user = dovecot
default_login_user = dovenull
mail_location = maildir:{home}/mail/%u
first_valid_uid = 1
auth_mechanisms = plain login
auth_failure_delay = 0
mail_fsync = never
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={home}/mail/%u
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls}
    ssl = yes
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""


def installed() -> bool:
    return shutil.which("dovecot", path=PATH) is not None and Path("/usr/lib/dovecot/imap").exists()


def up(place: Place) -> Mapping[str, str]:
    if os.geteuid() != 0:
        raise Unavailable("Dovecot needs root")
    home, port, tls = place.scratch(), free_port(), free_port()
    shutil.chown(home, "root", "root")
    home.chmod(0o755)
    write_certificates(home)
    (home / "server.key").chmod(0o600)
    for name in ("run", "mail"):
        (home / name).mkdir()
    shutil.chown(home / "mail", "mail", "mail")
    config = home / "dovecot.conf"
    config.write_text(CONFIG.format(home=home, port=port, tls=tls, password=PASSWORD))
    process = place.start([shutil.which("dovecot", path=PATH), "-F", "-c", config])
    wait_until(lambda: listening(port) and listening(tls), 30, process, place.log)
    return {
        "HUB_TEST_IMAP_URL": f"imap://{USER}:{PASSWORD}@127.0.0.1:{port}",
        "HUB_TEST_IMAP_TLS": f"imaps://127.0.0.1:{tls}",
        "HUB_TEST_IMAP_CA": str(home / "ca.pem"),
    }
