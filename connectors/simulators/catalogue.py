"""Which products there are. A product's module is imported when somebody asks for it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path

from connectors.simulators.landscape import SEED
from connectors.simulators.wire import Product

PRODUCTS: Mapping[str, str] = {
    "beisen": "Beisen",
    "crm": "Crm",
    "dingtalk": "Dingtalk",
    "dynamics365": "Dynamics365",
    "feishu": "Feishu",
    "hr": "Hr",
    "kingdee": "Kingdee",
    "myinbox": "Myinbox",
    "nccloud": "Nccloud",
    "odoo": "Odoo",
    "personio": "Personio",
    "s4": "S4",
    "salesforce": "Salesforce",
    "seeyon": "Seeyon",
    "successfactors": "Successfactors",
    "taskcenter": "Taskcenter",
    "u8": "U8",
    "weaver": "Weaver",
    "wecom": "Wecom",
    "workday": "Workday",
}
"""Name → class; the module bears the product's name."""

RECORDS = 100_000
"""The most records a product is filled with."""

_EXAMPLES = Path(__file__).parent / "examples"


def made(name: str, seed: int = SEED, records: int | None = None) -> Product:
    """A product with its own number of records, or about so many; KeyError where there is no such product,
    ValueError for a number of records that cannot be."""
    if records is not None and not 1 <= records <= RECORDS:
        raise ValueError(f"records must be a number from 1 to {RECORDS}")
    kind = PRODUCTS[name]
    module = importlib.import_module(f"connectors.simulators.{name}")
    product: Product = getattr(module, kind)(seed=seed, records=records)
    return product


def examples(product: str) -> list[str]:
    """The names of a product's system files: its own, and those of its further interfaces."""
    return sorted(path.stem for path in _EXAMPLES.glob(f"{product}*.yaml"))


def example(name: str, url: str) -> str:
    """A system file for the product at that address, to be copied into a workspace."""
    return (_EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8").replace("http://127.0.0.1:8081", url)


def secrets(name: str) -> Mapping[str, str]:
    """The secrets its example refers to, with what the simulator takes for them."""
    lines = (_EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    told = (line.removeprefix("# secret ").split(" ", 1) for line in lines if line.startswith("# secret "))
    return {reference: text for reference, text in told}
