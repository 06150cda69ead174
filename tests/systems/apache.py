"""Apache with mod_auth_openidc, a certified relying party, and mod_auth_cas. Nothing is started here: it must know its
provider, and ``serving`` starts one with the settings of a test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.systems.place import Place, Unavailable, listening, unprivileged, wait_until

APT = ("apache2-bin", "libapache2-mod-auth-openidc", "libapache2-mod-auth-cas")
PATH = "/usr/sbin:/usr/bin"
MODULES = Path("/usr/lib/apache2/modules")
LOADED = ("mpm_event", "authn_core", "authz_core", "authz_user", "dir", "mime", "include")
OURS = ("auth_openidc", "auth_cas")
CONFIG = """Define home {home}
ServerRoot "{home}"
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile "{home}/pid"
ErrorLog "{home}/log"
DocumentRoot "{home}/www"
TypesConfig /dev/null
StartServers 1
ThreadsPerChild 8
{modules}
{settings}
"""


def installed() -> bool:
    there = all((MODULES / f"mod_{one}.so").exists() for one in OURS)
    return there and shutil.which("apache2", path=PATH) is not None


def up(place: Place) -> Mapping[str, str]:
    if not installed():
        raise Unavailable("there is no Apache with mod_auth_openidc and mod_auth_cas")
    return {}


@contextmanager
def serving(port: int, module: str, settings: str, pages: Mapping[str, str]) -> Iterator[None]:
    """An Apache with a module of ``OURS``, its settings (``${home}/kept`` is a folder for it), and pages by their
    paths."""
    home = Path(tempfile.mkdtemp(prefix="cophub-apache-", dir="/var/tmp"))
    try:
        for name, text in pages.items():
            path = home / "www" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        (home / "kept").mkdir()
        modules = "\n".join(f"LoadModule {one}_module {MODULES}/mod_{one}.so" for one in (*LOADED, module))
        config = CONFIG.format(home=home, port=port, modules=modules, settings=settings)
        (home / "conf").write_text(config, encoding="utf-8")
        if os.geteuid() == 0:
            for path in (home, *home.rglob("*")):
                shutil.chown(path, "nobody", "nogroup")
        program = shutil.which("apache2", path=PATH) or "apache2"
        command = [program, "-f", str(home / "conf"), "-D", "FOREGROUND"]
        with (home / "said").open("wb") as said:
            process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, **unprivileged())
        try:
            wait_until(lambda: listening(port), 30, process, home / "said")
            yield
        finally:
            process.terminate()
            process.wait(30)
    finally:
        shutil.rmtree(home)
