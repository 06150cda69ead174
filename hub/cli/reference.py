"""The reference pages of the command line, read out of the commands themselves.

python -m hub.cli.reference docs/reference
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from typer.main import get_command

from hub.cli.app import SECTIONS, app, command
from hub.cli.frame import EXIT_CODES
from hub.cli.options import GLOBAL

PREFACE: Final = """# Command line

Written by `python -m hub.cli.reference docs/reference`; a test compares. Long work shows progress on
stderr; results go to stdout, with `--json` as one JSON object on the last line. How a command ends:
[exit-codes.md](exit-codes.md).

"""
EXIT_PREFACE: Final = """# Exit codes

A script may rely on them. `cophub run` of several exchanges ends with the one that asks most of a person:
70 before 65, 77, 76, 75, 1, 0. With `--json` an error is the object
`{"error": {"code", "message", "where", "hint"}, "exit": N}` on the last line of stdout; the codes in it are
listed in [codes.md](codes.md).

| exit | meaning | when |
|---|---|---|
"""
TAIL: Final = """
A defect of the hub itself ends with 70 and one line with an incident's id; the traceback, with secrets
masked, is in `.cophub/crash-ID.log` of the workspace.
"""


def cli_page() -> str:
    """``cli.md``: the global options, then every command by section."""
    root = get_command(app)
    parts = [PREFACE, "## Everywhere\n\nBefore or after a command's name.\n\n"]
    parts += _table("option", [record for param, record in _params(root) if _everywhere(param)])
    for title, section in SECTIONS.items():
        parts.append(f"\n## {title}\n")
        for name in section:
            parts += _command(f"cophub {name}", command(name))
    return "".join(parts)


def exit_page() -> str:
    """``exit-codes.md``."""
    return (
        EXIT_PREFACE
        + "".join(f"| {code} | {word} | {when} |\n" for code, (word, when) in EXIT_CODES.items())
        + TAIL
    )


def _command(path: str, one: Any) -> Iterator[str]:
    ctx = _context(path, one)
    usage = ctx.get_usage().removeprefix("Usage: ").strip()
    yield f"\n### {path}\n\n```text\n{' '.join(usage.split())}\n```\n\n{_prose(one.help)}\n"
    own = [
        (param, record)
        for param, record in _params(one)
        if not _everywhere(param) and record[0] != "-h, --help"
    ]
    arguments = [record for param, record in own if param.param_type_name == "argument"]
    given = [
        record for param, record in own if param.param_type_name == "option" and "--help" not in record[0]
    ]
    if arguments:
        yield "\n"
        yield from _table("argument", arguments)
    if given:
        yield "\n"
        yield from _table("option", given)
    for name, inner in getattr(one, "commands", {}).items():
        yield from _command(f"{path} {name}", inner)


def _context(path: str, one: Any) -> Any:
    return one.context_class(one, info_name=path)


def _params(one: Any) -> Iterator[tuple[Any, tuple[str, str]]]:
    ctx = _context("cophub", one)
    for param in one.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is not None:
            yield param, record


def _everywhere(param: Any) -> bool:
    return getattr(param, "rich_help_panel", None) == GLOBAL


def _table(word: str, records: list[tuple[str, str]]) -> Iterator[str]:
    yield f"| {word} | |\n|---|---|\n"
    for name, text in records:
        shown, said = (" ".join(part.split()).replace("|", "\\|") for part in (name, text))
        yield f"| `{shown}` | {said} |\n"


def _prose(text: str | None) -> str:
    """A docstring as paragraphs; a line of examples becomes code."""
    paragraphs = []
    for paragraph in (text or "").split("\n\n"):
        line = " ".join(paragraph.split())
        if line.startswith("cophub "):
            line = "```sh\n" + "\n".join(line.split("; ")) + "\n```"
        paragraphs.append(line)
    return "\n\n".join(paragraphs)


def main(folder: Path) -> None:
    """Write both pages."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cli.md").write_text(cli_page(), encoding="utf-8")
    (folder / "exit-codes.md").write_text(exit_page(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
