"""Finding and reading the files of a workspace."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hub.errors import Finding
from hub.workspace.explain import suggest
from hub.workspace.located import Located
from hub.workspace.workspace import Kind
from hub.workspace.yaml import MAX_BYTES, read

FOLDERS: Final[dict[Kind, str]] = {
    "system": "config/systems",
    "model": "config/models",
    "codes": "config/codes",
    "client": "config/clients",
    "environment": "config/environments",
    "mapping": "mappings",
}
PROFILES: Final = "config/profiles"
"""Profiles of the workspace's own; each is read when a system names it."""
TEST_SUFFIX: Final = ".test.yaml"
HUB_FILE: Final = "config/hub.yaml"
ROLES_FILE: Final = "config/roles.yaml"


@dataclass
class Gathered:
    """The files of a workspace that could be read, by kind and by the name of the file; ``broken``
    are names whose file could not be, or was not to be read, so that nobody calls them unknown."""

    folder: Path
    files: dict[tuple[Kind, str], Located] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    broken: set[tuple[Kind, str]] = field(default_factory=set)

    def of(self, kind: Kind) -> Iterator[tuple[str, Located]]:
        return ((name, file) for (its, name), file in self.files.items() if its == kind)

    def error(self, path: str, code: str, message: str, hint: str, *, level: str = "error") -> None:
        self.findings.append(Finding(path, 1, 1, level, code, message, hint))


def gather(folder: Path, mappings: Collection[str] | None = None) -> Gathered:
    """Read every YAML file of a workspace, of mappings only those named; what is not one, or stands where none is
    read, is found."""
    found = Gathered(folder)
    if not (folder / "config").is_dir():
        found.error(
            "config",
            "file.missing",
            f"{folder} is no workspace: it has no folder config",
            "name the folder of a workspace, or make one with cophub init",
        )
        return found
    _read(found, folder / HUB_FILE, "hub", "")
    if (folder / ROLES_FILE).exists():
        _read(found, folder / ROLES_FILE, "roles", "")
    for kind, place in FOLDERS.items():
        for path in sorted((folder / place).glob("*.yaml")):
            if kind == "mapping" and mappings is not None and _name(path) not in mappings:
                found.broken.add((kind, _name(path)))
            elif kind == "mapping" and path.name.endswith(TEST_SUFFIX):
                _read(found, path, "test", path.name.removesuffix(TEST_SUFFIX))
            else:
                _read(found, path, kind, path.stem)
    _strays(found)
    return found


def _name(path: Path) -> str:
    return path.name.removesuffix(TEST_SUFFIX).removesuffix(".yaml")


def _read(found: Gathered, path: Path, kind: Kind, name: str) -> None:
    place = path.relative_to(found.folder).as_posix()
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        found.error(place, "file.missing", f"there is no {place}", "write it: hub: NAME")
        return
    except OSError as error:
        found.broken.add((kind, name))
        found.error(place, "file.unreadable", f"it cannot be read: {error.strerror}", "check its rights")
        return
    located, findings = read(content, place)
    found.findings += findings
    wanted: type[Any] = list if kind == "test" else dict
    if located is not None and not isinstance(located.value, wanted):
        wrong = "a list of test cases" if kind == "test" else "a mapping of keys and values"
        found.findings.append(
            Finding(
                *located.place(),
                "error",
                "value.type",
                f"the file must hold {wrong}",
                "each entry starts with - given:" if kind == "test" else f"it starts with {kind}:",
            )
        )
        located = None
    if located is None:
        found.broken.add((kind, name))
    else:
        found.files[kind, name] = located


def _strays(found: Gathered) -> None:
    """YAML that looks as if it were read and is not: silence would cost somebody an afternoon."""
    known = {*(Path(place) for place in FOLDERS.values()), Path(PROFILES)}
    config = found.folder / "config"
    for path in sorted(
        [*config.glob("*/**/*.y*ml"), *config.glob("*.yml"), *(found.folder / "mappings").rglob("*.y*ml")]
    ):
        place = path.relative_to(found.folder)
        if path.suffix == ".yml" and (place.parent in known or place.parent == Path("config")):
            found.error(
                place.as_posix(),
                "file.ignored",
                "a file that ends in .yml is not read",
                f"name it {path.stem}.yaml",
                level="warning",
            )
        elif place.parent not in known and place.parent != Path("config"):
            top = place.parts[1] if place.parts[0] == "config" else ""
            folders = [Path(name).name for name in FOLDERS.values() if name.startswith("config/")]
            hint = (
                suggest(top, folders) if top and top not in folders else "move it up: subfolders are not read"
            )
            found.error(
                place.as_posix(),
                "file.ignored",
                f"nothing is read from the folder {place.parent.as_posix()}",
                hint,
                level="warning",
            )
