"""What every command understands, before or after its name: workspace, environment, form of the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand, TyperGroup, TyperOption

from hub.errors import ConfigError

if TYPE_CHECKING:
    from hub.redact import Redactor

GLOBAL = "Everywhere"
FORMS = ("text", "json")


@dataclass(slots=True)
class Options:
    """The global options of one call. ``redactor`` is there once secrets may have been resolved."""

    workspace: Path = Path(".")
    environment: str | None = None
    json: bool = False
    quiet: bool = False
    log: str = "text"
    redactor: Redactor | None = None


def options(ctx: Any) -> Options:
    """The options of a context's whole call."""
    root = ctx.find_root()
    if not isinstance(root.obj, Options):
        root.obj = Options()
    found: Options = root.obj
    return found


def _keep(name: str, convert: Callable[[Any], Any]) -> Callable[[Any, Any, Any], None]:
    def callback(ctx: Any, param: Any, value: Any) -> None:
        if value:
            setattr(options(ctx), name, convert(value))

    return callback


def _form(text: str) -> str:
    if text not in FORMS:
        raise ConfigError("log.form", f"there is no form {text!r} of logs", hint=f"one of {', '.join(FORMS)}")
    return text


def everywhere(*, root: bool) -> list[TyperOption]:
    """The global options, made anew for each command. Only the root reads the environment: else a
    variable would win over what stands before the command's name."""
    declared: list[tuple[list[str], str, Callable[[Any], Any], bool, str, str | None]] = [
        (["--workspace", "-w"], "workspace", Path, False, "The workspace's folder; default: this one", "DIR"),
        (["--env"], "environment", str, False, "Environment laid over the workspace", "NAME"),
        (["--json"], "json", bool, True, "Answer with one JSON object on the last line of stdout", None),
        (["--quiet", "-q"], "quiet", bool, True, "No progress and no remarks on stderr", None),
        (["--logs"], "log", _form, False, "Logs on stderr: text for people, or json for what collects them", "FORM"),
    ]
    variables = {"workspace": "COPHUB_WORKSPACE", "environment": "COPHUB_ENV", "log": "COPHUB_LOG"}
    return [
        TyperOption(
            param_decls=[f"global_{name}", *flags],
            is_flag=flag or None,
            expose_value=False,
            callback=_keep(name, convert),
            help=text,
            metavar=metavar,
            envvar=variables.get(name) if root else None,
            show_envvar=root,
            rich_help_panel=GLOBAL,
            is_eager=True,
            default=False if flag else None,
            type=None if flag else str,
        )
        for flags, name, convert, flag, text, metavar in declared
    ]


def write_params(command: Any, ctx: Any, formatter: Any) -> None:
    """Arguments, the command's own options, and below them the global ones."""
    sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": [], GLOBAL: []}
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is not None:
            kind = "Arguments" if param.param_type_name == "argument" else "Options"
            sections[GLOBAL if getattr(param, "rich_help_panel", None) == GLOBAL else kind].append(record)
    for title, records in sections.items():
        if records:
            with formatter.section(title):
                formatter.write_dl(records)


class Command(TyperCommand):
    """A command that takes the global options as well."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += everywhere(root=False)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        write_params(self, ctx, formatter)


class Group(TyperGroup):
    """A group of commands that takes the global options as well."""

    root = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += everywhere(root=self.root)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        write_params(self, ctx, formatter)
        self.format_commands(ctx, formatter)


def names(values: Iterable[object]) -> str:
    """A list for a sentence."""
    return ", ".join(str(value) for value in values)
