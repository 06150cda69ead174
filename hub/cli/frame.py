"""The frame around every command: one exit code, one readable block for an error, never a traceback."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, Final

import typer

from hub import collector
from hub.cli.app import app
from hub.cli.findings import counted, print_findings
from hub.cli.options import Options
from hub.errors import Finding, HubError
from hub.exchange.report import error_json
from hub.redact import redact

log = logging.getLogger("cophub")
OK: Final = 0
FINDINGS: Final = 1
USAGE: Final = 2
CONFIG: Final = 65
FATAL: Final = 70
AGAIN: Final = 75
HELD: Final = 76
AUTH: Final = 77
STOPPED: Final = 130

EXIT_CODES: Final = {
    OK: ("done", "Everything asked for was done."),
    FINDINGS: (
        "findings",
        "`check` found errors, `test` found failures, or a probe of `systems check` did not hold.",
    ),
    USAGE: ("usage", "The command line is wrong: unknown command, option or missing argument."),
    CONFIG: ("file", "A file or an argument must be mended; the hub has done nothing (ConfigError)."),
    FATAL: (
        "stopped",
        "The run stopped and rolled back, or the hub has a defect: see the crash log (Fatal).",
    ),
    AGAIN: (
        "try again",
        "A system or the database did not answer; the same command may succeed later (Retriable).",
    ),
    HELD: ("held", "A guard stopped the run before its first write; a person decides (Held)."),
    AUTH: ("secret", "A system refused the credentials, or a secret or key is missing (AuthError)."),
    STOPPED: ("interrupted", "Ctrl-C. What was not committed is rolled back; run again to go on."),
}
SEVERITY: Final = (OK, FINDINGS, AGAIN, HELD, AUTH, CONFIG, FATAL)


def worst(codes: list[int]) -> int:
    """The exit code of several exchanges: the one that asks most of a person."""
    return max(
        codes, key=lambda code: SEVERITY.index(code) if code in SEVERITY else len(SEVERITY), default=OK
    )


_interrupts: list[int] = []


def _interrupt(number: int, frame: object) -> None:
    """Ctrl-C is remembered: a library in the middle of its work may turn it into an error of its own."""
    _interrupts.append(number)
    raise KeyboardInterrupt


def main(arguments: list[str] | None = None) -> None:
    """The entry point ``cophub``."""
    signal.signal(signal.SIGINT, _interrupt)
    collector.relax()
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run one command line; answers its exit code."""
    chosen = Options(json="--json" in arguments)
    try:
        answer = app(arguments, prog_name="cophub", standalone_mode=False, obj=chosen)
        sys.stdout.flush()
        if answer == STOPPED:
            raise KeyboardInterrupt
        return answer if isinstance(answer, int) else OK
    except (KeyboardInterrupt, typer.Abort):
        return _stopped(chosen)
    except HubError as error:
        tell(error, chosen)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()  # else the interpreter complains about stdout once more
        return OK
    except Exception as error:  # the frame of the command line: nobody is shown a traceback
        if _interrupts:
            return _stopped(chosen)
        if usage := usage_text(error):
            return _usage(usage, chosen)
        return _crashed(error, chosen)


def _stopped(chosen: Options) -> int:
    message = "interrupted: what was not committed is rolled back"
    _line(message)
    if chosen.json:
        _json(
            {"error": {"code": "interrupted", "message": message, "where": "", "hint": ""}, "exit": STOPPED}
        )
    return STOPPED


def usage_text(error: Exception) -> str:
    """What typer says about a wrong command line; empty for any other error."""
    format_message = getattr(error, "format_message", None)
    if format_message is None or not hasattr(error, "exit_code"):
        return ""
    message = str(format_message())
    ctx: Any = getattr(error, "ctx", None)
    if ctx is None:
        return message or "wrong usage"
    usage = ctx.get_usage().removeprefix("Usage: ").strip()
    return f"{message}\n  usage  {usage}\n  help   {ctx.command_path} --help"


def _usage(text: str, chosen: Options) -> int:
    first, _, rest = text.partition("\n")
    _line(typer.style("error: ", fg="red", bold=True) + first + ("\n" + rest if rest else ""))
    if chosen.json:
        _json({"error": {"code": "usage", "message": first, "where": "", "hint": ""}, "exit": USAGE})
    return USAGE


def tell(error: HubError, chosen: Options) -> None:
    """What happened, where, why, what to do, and the code to look up."""
    clean = _clean(chosen)
    findings: tuple[Finding, ...] = getattr(error, "findings", ())
    if chosen.log == "json":
        logged(error, clean)
    elif findings:
        print_findings(list(findings), sys.stderr)
        summary = HubError(
            error.code, f"nothing was done: {counted(findings)}", hint="mend them; cophub check"
        )
        _line(block(summary, clean))
    else:
        _line(block(error, clean))
    if chosen.json:
        _json(
            {
                **({"findings": [finding_json(one) for one in findings]} if findings else {}),
                "error": error_json(error, clean),
                "exit": error.exit_code,
            }
        )


def logged(error: HubError, clean: Any) -> None:
    """An error in the log, each of its findings before it."""
    findings: tuple[Finding, ...] = getattr(error, "findings", ())
    for told in (*map(finding_json, findings), error_json(error, clean)):
        log.error(told.pop("message"), extra=told)


def block(error: HubError, clean: Any) -> str:
    """The readable block of an error."""
    cause = error.__cause__
    why = cause.message if isinstance(cause, HubError) else ""
    lines = [typer.style("error: ", fg="red", bold=True) + clean(error.message)]
    for name, text in (("where", error.where), ("why", why), ("hint", error.hint), ("code", error.code)):
        if text:
            lines.append(typer.style(f"  {name:<6} ", dim=True) + clean(text))
    return "\n".join(lines)


def finding_json(finding: Finding) -> dict[str, Any]:
    """A finding as an object."""
    return {
        name: getattr(finding, name)
        for name in ("path", "line", "column", "level", "code", "message", "hint")
    }


def _clean(chosen: Options) -> Any:
    return chosen.redactor or redact


def _crashed(error: Exception, chosen: Options) -> int:
    """One line with an incident's id; the traceback, redacted, goes to a file."""
    identity = os.urandom(4).hex()
    path = chosen.workspace / ".cophub" / f"crash-{identity}.log"
    text = "".join(traceback.format_exception(error))
    kept = _write_crash(path, text, chosen)
    clean = _clean(chosen)
    what = f"{type(error).__name__}: {clean(str(error))[:300]}"
    message = f"this is a defect of the hub (incident {identity}): {what}"
    told = HubError(
        "internal", message, where=str(path) if kept else "", hint="report it with that file" if kept else ""
    )
    _line(block(told, clean))
    if chosen.json:
        _json({"error": error_json(told, clean), "incident": identity, "exit": FATAL})
    return FATAL


def _write_crash(path: Path, text: str, chosen: Options) -> bool:
    clean = _clean(chosen)
    lines = [clean(line) for line in redact(text, limit=200_000).split("\\n")]
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.write_text("\n".join(lines), encoding="utf-8")
    except OSError:
        return False
    return True


def _line(text: str) -> None:
    typer.echo(text, err=True)


def _json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False))
