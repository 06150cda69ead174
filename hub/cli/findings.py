"""Findings on a terminal: one line each as compilers write them, its hint below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

import typer

from hub.errors import Finding


def print_findings(findings: Sequence[Finding], stream: TextIO) -> None:
    """All findings and how many they are."""
    for finding in findings:
        colour = "red" if finding.level == "error" else "yellow"
        place = f"{finding.path}:{finding.line}:{finding.column}: "
        level = typer.style(f"{finding.level}: ", fg=colour, bold=True)
        typer.echo(
            f"{place}{level}{finding.message} {typer.style(f'[{finding.code}]', dim=True)}", file=stream
        )
        if finding.hint:
            typer.echo(f"    {typer.style('hint: ', fg='cyan')}{finding.hint}", file=stream)


def counted(findings: Sequence[Finding]) -> str:
    """``2 errors, 1 warning``."""
    errors = sum(finding.level == "error" for finding in findings)
    return ", ".join(
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in ((errors, "error"), (len(findings) - errors, "warning"))
        if count
    )
