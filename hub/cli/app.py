"""The root command: which commands there are, in which module each is found, and what it is for.

``COMMANDS`` is read for ``--help`` and completion; a module is imported when one of its commands runs.
A test compares these lines with the commands themselves.
"""

from __future__ import annotations

import importlib
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand
from typer.main import get_command

from hub import __version__
from hub.cli.options import Group

SECTIONS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "Write a workspace": {
        "init": ("workspace", "Write a small workspace that runs at once."),
        "check": ("workspace", "Find what is wrong in the workspace, with file, line and column."),
        "test": ("mapping", "Run the tests beside the mappings."),
        "schema": ("workspace", "Write JSON Schemas of the files for editors, or print OpenAPI or AsyncAPI."),
        "diff": ("workspace", "Show what differs between two environments."),
        "map": ("mapping", "Show where a mapping's fields come from, trace a record, or have a draft proposed."),
        "import": ("importing", "Take over what is declared elsewhere: airbyte reads a low-code manifest."),
        "systems": ("systems", "List, check, discover and describe the systems of the workspace."),
    },
    "Run exchanges": {
        "migrate": ("database", "Bring the hub's database up to the workspace's models."),
        "run": ("run", "Run exchanges: read, map, resolve, merge, and apply or deliver."),
        "plan": ("plans", "Show what a run would do, and keep it for apply; nothing is changed."),
        "apply": ("plans", "Do exactly what a stored plan says."),
        "reconcile": (
            "reconcile",
            "Compare what the hub knows with what is there, and plan what heals it.",
        ),
        "approve": ("approvals", "Let a plan through that a guard held; signed, and for a time."),
        "reject": ("approvals", "Close a plan for good: it cannot be approved or applied any more."),
    },
    "Run by itself": {
        "worker": ("worker", "Relay events, drain the inbox, and run what follows a model."),
        "serve": ("serve", "Serve the API under /v1 and the portal."),
        "ready": ("ready", "Tell whether the hub can do its work, part by part, with causes."),
        "airflow": ("airflow", "Show exchanges to Airflow as DAGs, run Airflow on this machine, look."),
        "stop": ("stopping", "Stop exchanges, or all that writes to a system, until somebody lets them go on."),
        "resume": ("stopping", "Let go on what was stopped."),
        "events": ("events", "Push events of a resource, list them, and try them once more."),
    },
    "Look": {
        "status": ("stopping", "Show what is stopped, maintained, late or left alone, and how each exchange ended."),
        "runs": ("runs", "List runs, or show one."),
        "quarantine": (
            "quarantine",
            "List what was not applied, by cause; show one entry; replay or dismiss some.",
        ),
        "explain": (
            "explain",
            "Tell why a person sees a to-do or does not, and why somebody may do something or may not.",
        ),
        "todos": ("todos", "List what a person has to do, and receivers that no person is known for."),
        "people": ("people", "Find people, and tell what they are called in every system and why."),
        "entities": ("entities", "Show golden records and where each value comes from."),
        "links": ("links", "Show, import and export which foreign record stands for which entity."),
        "why": ("why", "Tell which entity a record belongs to, and why, rule by rule."),
        "weights": ("weights", "Estimate prior and bits of the match rules of likeness."),
        "review": ("review", "Decide which entity a record is, and merge entities that are one."),
    },
    "Keep": {
        "audit": ("audit", "Show what was done, by whom and why, and prove that nothing of it was changed."),
        "accounts": (
            "accounts",
            "List accounts of the portal, add, disable and enable them, and set passwords.",
        ),
        "clients": (
            "clients",
            "List clients of the provider, give them secrets, and show what they are told of a person.",
        ),
        "keys": ("keys", "List keys of the API, add, rotate and revoke them."),
        "secrets": ("secrets", "Set, list and remove secrets, and rotate their master key."),
        "demo": ("demo", "Run the sample landscape on simulators, offline."),
        "simulate": ("simulate", "Serve a simulated product on loopback, which misbehaves as it is told."),
    },
}
COMMANDS: Final = {name: place for section in SECTIONS.values() for name, place in section.items()}


class Root(Group):
    """The root group: it lists its commands without importing them."""

    root = True

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """What help and completion need: the name and the line."""
        if cmd_name not in COMMANDS:
            return None
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name][1])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command itself, once somebody runs it."""
        self.commands = {name: self.get_command(ctx, name) for name in COMMANDS}  # for "did you mean"
        name, _, rest = super().resolve_command(ctx, args)
        return name, command(str(name)), rest

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        width = max(map(len, COMMANDS))
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), line) for name, (_, line) in section.items()])


def command(name: str) -> Any:
    """Import and build one command."""
    module = importlib.import_module(f"hub.cli.{COMMANDS[name][0]}")
    found: typer.Typer = getattr(module, f"{name}_app", None) or module.app
    built: Any = get_command(found)
    if name in getattr(built, "commands", {}) and not hasattr(module, f"{name}_app"):
        built = built.commands[name]
    built.name = name
    return built


app = typer.Typer(
    name="cophub",
    cls=Root,
    rich_markup_mode=None,
    add_completion=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    pretty_exceptions_enable=False,
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"cophub {__version__}")
        raise typer.Exit


@app.callback(
    epilog="Exit codes: 0 done, 1 findings, 2 usage, 65 file, 70 stopped, 75 try again, 76 held, 77 secret."
)
def root(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version")
    ] = False,
) -> None:
    """COP Hub: data between enterprise systems, described in YAML.

    Begin with: cophub init DIR, cophub check, cophub migrate, cophub plan NAME, cophub run NAME.
    """
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
