"""The scene of the demo: a copy of the sample landscape, its systems as simulators on loopback."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from connectors.simulators import Simulator
from hub.bootstrap import open_database, open_hub
from hub.demo.customers import write_distributors
from hub.demo.erp import Erp
from hub.errors import ConfigError
from hub.security.secrets import Secrets
from hub.store.migrate import migrate
from hub.workspace.load import load

ENVIRONMENT = "demo"
SECRETS: Mapping[str, str] = {
    "secret://s4/password": "s4-demo",
    "secret://hr/client": "hr-demo",
    "secret://crm/key": "crm-demo",
}
LOADED_FIRST = (
    "erp-customers", "hr-departments", "hr-employees", "s4-bank-accounts", "s4-materials", "s4-suppliers",
)  # fmt: skip
"""With Airflow: exchanges whose guards do not count what is created. ``s4-cost-centers`` keeps its limit: its first
plan waits for somebody."""
_SERVICES = {
    "s4": "API_BUSINESS_PARTNER", "s4_finance": "API_COSTCENTER_SRV", "s4_products": "API_PRODUCT_SRV",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scene:
    """The workspace's folder and the systems around it. ``variables`` stand in for the process's
    environment: nothing that is set on this machine reaches the demo."""

    folder: Path
    s4: Simulator
    hr: Simulator
    crm: Simulator
    erp: Erp
    variables: Mapping[str, str]


def sample() -> Path:
    """Where ``config`` and ``mappings`` of the sample landscape are: in the wheel beside this module, in
    a checkout at its root. ConfigError ``demo.sample`` where they are in neither."""
    here = Path(__file__).resolve().parent
    for place in (here / "sample", here.parents[1]):
        if (place / "config" / "hub.yaml").is_file() and (place / "mappings").is_dir():
            return place
    raise ConfigError(
        "demo.sample",
        "the sample landscape is not installed",
        hint="install cophub from its wheel or a checkout",
    )


@contextmanager
def stage(keep: Path | None = None, *, airflow: bool = False) -> Iterator[Scene]:
    """Build the scene in ``keep``, or in a folder that is removed at the end. With ``airflow`` exchanges that follow a
    model are Airflow's, not a worker's."""
    with ExitStack() as stack:
        if keep is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cophub-demo-")))
        else:
            folder = _empty(keep)
        for name in ("config", "mappings"):
            shutil.copytree(sample() / name, folder / name)
        if airflow:
            with (folder / "config" / "hub.yaml").open("a", encoding="utf-8") as file:
                file.write("airflow: {on_change: airflow}\n")
        s4, hr, crm = (stack.enter_context(Simulator(name)) for name in ("s4", "hr", "crm"))
        erp = Erp.create(folder / "data" / "erp.sqlite")
        write_distributors(folder / "data" / "in" / "distributors.csv")
        text = environment({"s4": s4.url, "hr": hr.url, "crm": crm.url})
        if airflow:
            text += "mappings:\n" + "".join(f"  {name}: {{guard: {{create: off}}}}\n" for name in LOADED_FIRST)
        (folder / "config" / "environments" / f"{ENVIRONMENT}.yaml").write_text(text, encoding="utf-8")
        yield Scene(folder, s4, hr, crm, erp, {})


def _empty(folder: Path) -> Path:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(
            "demo.exists", f"{folder} is there already and not empty", hint="choose an empty folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def environment(urls: Mapping[str, str]) -> str:
    """The environment file that turns the sample's systems into the simulators."""
    lines = [f"environment: {ENVIRONMENT}", "systems:"]
    for system, service in _SERVICES.items():
        lines.append(f"  {system}: {{url: {urls['s4']}/sap/opu/odata/sap/{service}, limits: {{rate: null}}}}")
    token = f"auth: {{oauth2: {{token_url: {urls['hr']}/oauth/token}}}}"
    lines += [
        f"  hr: {{url: {urls['hr']}/api/v1, {token}, limits: {{rate: null}}}}",
        f"  crm: {{url: {urls['crm']}/api/v2, limits: {{rate: null}}}}",
        "  erp: {odbc: null, username: null, password: null, sqlite: ../data/erp.sqlite}",
    ]
    return "\n".join(lines) + "\n"


def prepare(scene: Scene) -> int:
    """Make the hub's tables and seal the secrets; answers how many tables there are."""
    workspace = load(scene.folder, ENVIRONMENT)
    database = open_database(workspace, Secrets([]), scene.variables)
    try:
        steps = migrate(database)
    finally:
        database.close()
    with open_hub(scene.folder, ENVIRONMENT, variables=scene.variables) as opened:
        for reference, text in SECRETS.items():
            opened.secrets.set(reference, text)
    return sum(step.text.startswith("create table") for step in steps)
