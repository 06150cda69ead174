"""SAP CAP posing as S/4: SAP's own OData servers, V4 and V2, over a small model in S/4's names.

The rows are made here, the same every time: 500 business partners 10000000..10000499 (every third a
supplier, every fourth a customer) with address and tax number, 60 cost centres, 120 products with
English and Chinese descriptions. Writes stay in memory until the server ends.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path

from tests.systems import install
from tests.systems.place import Place, free_port, listening, wait_until

APT = ()
PROJECT = Path(__file__).parent / "sap_s4"
PARTNERS, COST_CENTERS, PRODUCTS = 500, 60, 120
COUNTRIES = (("DE", "Berlin"), ("CN", "上海"), ("US", "Boston"))
Row = tuple[object, ...]


def installed() -> bool:
    return True  # nothing of Debian's


def up(place: Place) -> Mapping[str, str]:
    node = install.node(place.name)
    project = install.npm_project(PROJECT, place.path / "project", node)
    _write_rows(project / "db" / "data")
    port = free_port()
    # cds notes its services in the home folder: not in the user's
    environment = os.environ | {"HOME": str(place.path)}
    serve = [node, "node_modules/.bin/cds-serve", "--port", str(port)]
    process = place.start(serve, cwd=project, env=environment)
    wait_until(lambda: listening(port), 60, process, place.log)
    return {"HUB_TEST_SAP_URL": f"http://S4USER:S4pass@127.0.0.1:{port}"}


def _write_rows(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for entity, (header, rows) in _tables().items():
        with (folder / f"s4-{entity}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter=";")
            writer.writerow(header.split())
            writer.writerows(rows)


def _tables() -> dict[str, tuple[str, Iterable[Row]]]:
    """Per entity of db/schema.cds the names of its fields and its rows."""
    partners, products = range(PARTNERS), range(PRODUCTS)
    return {
        "BusinessPartner": (
            "BusinessPartner BusinessPartnerCategory BusinessPartnerFullName BusinessPartnerGrouping "
            "OrganizationBPName1 SearchTerm1 Supplier Customer CreationDate LastChangeDate",
            map(_partner, partners),
        ),
        "BusinessPartnerAddress": (
            "BusinessPartner AddressID Country CityName PostalCode StreetName",
            ((10000000 + n, 20000 + n, *COUNTRIES[n % 3], 10000 + n, f"Street {n}") for n in partners),
        ),
        "BusinessPartnerTax": ("BusinessPartner BPTaxType BPTaxNumber", map(_tax, partners)),
        "CostCenter": (
            "ControllingArea CostCenter ValidityEndDate ValidityStartDate CompanyCode CostCenterName "
            "CostCtrResponsiblePersonName ProfitCenter LastChange",
            map(_cost_center, range(COST_CENTERS)),
        ),
        "Product": (
            "Product ProductType ProductGroup BaseUnit GrossWeight WeightUnit CreationDate "
            "LastChangeDateTime",
            map(_product, products),
        ),
        "ProductDescription": (
            "Product Language ProductDescription",
            (
                (f"MAT{n:05d}", language, f"{word} {n}")
                for n in products
                for language, word in (("EN", "Infusion pump"), ("ZH", "输液泵"))
            ),
        ),
    }


def _partner(n: int) -> Row:
    number, name = 10000000 + n, f"Company {n}"
    supplier, customer = number if n % 3 == 0 else "", number if n % 4 == 0 else ""
    words = ("2", f"{name} 有限公司", "BP02", name, f"C{n}")
    return (number, *words, supplier, customer, _day(n), _changed(n))


def _tax(n: int) -> Row:
    country = COUNTRIES[n % 3][0]
    return (10000000 + n, f"{country}0", f"{country}{900000000 + n}")


def _cost_center(n: int) -> Row:
    valid = ("9999-12-31", "2020-01-01")
    return ("1000", 100 + n, *valid, "1000", f"CC {n}", "Smith", f"PC{n % 5}", _changed(n))


def _product(n: int) -> Row:
    kind = "FERT" if n % 2 else "ROH"
    return (f"MAT{n:05d}", kind, f"G{n % 7}", "EA", f"{n}.250", "KG", _day(n), _changed(n))


def _day(n: int) -> str:
    return (date(2024, 1, 1) + timedelta(days=n % 365)).isoformat()


def _changed(n: int) -> str:
    return f"{_day(n)}T{n % 24:02d}:00:00.000Z"
