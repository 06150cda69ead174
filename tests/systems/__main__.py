"""``tests/services up|down|env|running``: see the package's own words for what it does."""

from __future__ import annotations

import argparse
import importlib
import os
import shlex
import sys
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import ModuleType

from tests.systems import install
from tests.systems.place import Note, Place, Unavailable, only_one

NAMES = (
    "odbc", "postgres", "mariadb", "tryton", "sap", "ldap", "ad", "scim", "soap", "caldav", "imap", "smtp", "oidc",
    "rp", "apache", "chromium", "rabbitmq", "redis", "sftp",
)  # fmt: skip
_begin = time.monotonic()


def _say(text: str) -> None:
    print(f"{time.monotonic() - _begin:6.1f}s {text}", file=sys.stderr, flush=True)


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"tests.systems.{name}")


def _given(name: str) -> Mapping[str, str]:
    """The variables of a system that the caller brings himself."""
    prefix = f"HUB_TEST_{name.upper()}_"
    given = {key: value for key, value in os.environ.items() if key.startswith(prefix)}
    return given if f"{prefix}URL" in given else {}


def _install(modules: Mapping[str, ModuleType]) -> str:
    """Asks apt once for all that is missing; returns why it could not."""
    packages = [package for module in modules.values() if not module.installed() for package in module.APT]
    try:
        if packages:
            install.apt(packages)
            _say("packages installed")
    except Unavailable as why:
        return str(why)
    return ""


def _start(note: Note, name: str, apt: Future[str] | None) -> Mapping[str, str]:
    module = _module(name)
    if apt is not None:
        trouble = apt.result()
        if trouble and not module.installed():
            raise Unavailable(trouble)
    note.stop(name)  # a rest of a start that was interrupted
    variables: Mapping[str, str] = module.up(Place(note, name))
    if variables:
        note.set(name, variables=dict(variables))
    return variables


def up(names: list[str], *, require: bool, quiet: bool) -> int:
    """Starts what does not run yet, all at once, and prints the variables of everything named."""
    note = Note()
    ready = {name: variables for name in names if (variables := _given(name) or note.variables(name))}
    missing = [name for name in names if name not in ready]
    debian = {name: _module(name) for name in missing if _module(name).APT}
    failed = False
    with ThreadPoolExecutor(len(NAMES) + 1) as pool:
        apt = pool.submit(_install, debian)
        starts = {name: pool.submit(_start, note, name, apt if name in debian else None) for name in missing}
        for name, start in starts.items():
            try:
                ready[name] = start.result()
                if not quiet:
                    _say(f"{name} is up")
            except (Unavailable, OSError) as why:
                note.stop(name)
                failed = True
                _say(f"{name} is not available: {why}")
    if not quiet:
        _print(ready)
    return 1 if failed and require else 0


def _print(systems: Mapping[str, Mapping[str, str]]) -> None:
    for variables in systems.values():
        for key, value in variables.items():
            print(f"export {key}={shlex.quote(value)}")


def down(names: list[str], *, quiet: bool) -> int:
    note = Note()
    for name in set(note.names()) & set(names):
        note.stop(name)
        if not quiet:
            _say(f"{name} is down")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/services", description="The real systems of the tests.")
    parser.add_argument("action", choices=["up", "down", "env", "running"])
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(NAMES)}; all by default")
    parser.add_argument("--require", action="store_true", help="a system that cannot be started is an error")
    parser.add_argument("--quiet", action="store_true", help="print only what went wrong")
    options = parser.parse_intermixed_args()
    names = options.names or list(NAMES)
    if unknown := set(names) - set(NAMES):
        parser.error(f"unknown system {', '.join(sorted(unknown))}; known are {', '.join(NAMES)}")
    if options.action == "up":
        with only_one():
            return up(names, require=options.require, quiet=options.quiet)
    if options.action == "down":
        with only_one():
            return down(names, quiet=options.quiet)
    note = Note()
    if options.action == "running":
        return 0 if any(note.alive(name) for name in names) else 1
    _print({name: _given(name) or note.variables(name) or {} for name in names})
    return 0


if __name__ == "__main__":
    sys.exit(main())
