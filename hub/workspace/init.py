"""``cophub init``: a small workspace that is complete and runs at once."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hub.errors import ConfigError
from hub.workspace.connectors import Connectors
from hub.workspace.schema import modeline, write_schemas

SUPPLIERS: Final = """\
number,name,country,tax_number,phone,active
1001,Müller Präzisionsteile GmbH,DE,DE100000001,+49 711 5550123,1
1002,北京华信医疗器械有限公司,CN,91110108MA00000002,+86 10 5550 1234,1
1003,Lyon Polymères SA,FR,FR00100000003,+33 4 5550 6677,1
1004,Acme Surgical Inc.,US,00-1000004,+1 415 555 0142,1
1005,Altlieferant KG,DE,DE100000005,,0
"""

FILES: Final[dict[str, tuple[str, str]]] = {
    "config/hub.yaml": (
        "hub",
        """\
hub: my_hub
title: {en: My integration hub, zh: 我的集成中枢}
store: sqlite:///.cophub/hub.sqlite        # in production: postgresql://hub@db.example.com/hub
schedules: worker                          # cophub worker runs what has a time; airflow: Airflow does
""",
    ),
    "config/systems/erp_files.yaml": (
        "system",
        """\
system: erp_files
title: {en: ERP export, zh: ERP 导出文件}
connector: files
folder: ../data                            # relative to config/
resources:
  suppliers:
    path: suppliers.csv
    key: [number]
    fields: {number: text, name: text, country: text, tax_number: text, phone: text, active: text}
""",
    ),
    "config/models/supplier.yaml": (
        "model",
        """\
model: supplier
title: {en: Supplier, zh: 供应商}
level: L1
key: [code]
fields:
  code:       {type: text, required: true, title: {en: Number, zh: 编号}}
  name:       {type: text, required: true, title: {en: Name, zh: 名称}}
  country:    {type: code, list: country, title: {en: Country, zh: 国家}}
  tax_number: {type: text, unique: true, level: L2, title: {en: Tax number, zh: 税号}}
  phone:      {type: text, level: L3, class: pi.contact, mask: {keep: [3, 2]}, title: {en: Phone, zh: 电话}}
""",
    ),
    "config/codes/country.yaml": (
        "codes",
        """\
codes: country
title: {en: Country, zh: 国家}
values:
  CN: {en: China, zh: 中国}
  DE: {en: Germany, zh: 德国}
  FR: {en: France, zh: 法国}
  US: {en: United States, zh: 美国}
""",
    ),
    "mappings/erp-suppliers.yaml": (
        "mapping",
        """\
mapping: erp-suppliers
from: erp_files.suppliers
into: supplier
where: active = '1'                        # SQL over the record's fields
match:                                     # tried in order, on mapped values
  - [code]
  - [tax_number]
fields:
  code: number
  name: trim(name)
  country: code('country', upper(country))
  tax_number: upper(replace(tax_number, ' ', ''))
  phone: {value: phone, strength: weak}    # fills what is empty, overwrites nothing
unmatched: create                          # nothing happens that is not written
absent: {reaction: disable, grace: 7d}
guard: {delete: 2%, disable: 20%, update: 50%}
schedule: {every: 15m}
""",
    ),
    "mappings/erp-suppliers.test.yaml": (
        "test",
        """\
- title: blanks and small letters are mended
  given: {number: "1001", name: " ACME ", country: de, tax_number: de 100 000 001, active: "1"}
  expect: {code: "1001", name: ACME, country: DE, tax_number: DE100000001}
- title: a supplier without a name is set aside
  given: {number: "1002", active: "1"}
  expect_problem: {field: name, code: required}
- title: inactive suppliers are not taken over
  given: {number: "1005", name: Altlieferant KG, active: "0"}
  expect_none: true
""",
    ),
}
IGNORED: Final = (".cophub/",)


def init(folder: Path | str, connectors: Connectors | None = None) -> list[Path]:
    """Write the workspace into ``folder`` and answer the paths written, relative to it.

    ConfigError ``init.exists`` where ``config`` or ``mappings`` hold anything already, or a file of
    the sample would be overwritten: then nothing is written.
    """
    root = Path(folder)
    for name in ("config", "mappings"):
        place = root / name
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise ConfigError(
                "init.exists", f"{place} is there already and not empty", hint="choose an empty folder"
            )
    files = {path: f"{modeline(kind, path.count('/'))}\n{text}" for path, (kind, text) in FILES.items()}
    files["data/suppliers.csv"] = SUPPLIERS
    for path in files:
        if (root / path).exists():
            raise ConfigError("init.exists", f"{root / path} is there already", hint="choose an empty folder")
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")
    schemas = write_schemas(root / ".cophub" / "schemas", connectors)
    return [*map(Path, files), _ignore(root), *(path.relative_to(root) for path in schemas)]


def _ignore(root: Path) -> Path:
    """Keep the hub's own files out of git, whatever else is ignored already."""
    path = root / ".gitignore"
    there = path.read_text(encoding="utf-8") if path.exists() else ""
    missing = [line for line in IGNORED if line not in there.splitlines()]
    if missing:
        gap = "" if not there or there.endswith("\n") else "\n"
        path.write_text(there + gap + "\n".join(missing) + "\n", encoding="utf-8", newline="\n")
    return path.relative_to(root)
