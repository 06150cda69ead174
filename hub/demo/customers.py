"""The invented customers of the group, as its ERP and a sales agency know them.

The same seed gives the same data. Some records are bad on purpose; ``BAD`` says which and how.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from connectors.simulators import landscape, numbers, words

CUSTOMERS = 40
DISTRIBUTORS = 12
HEADER = ("number", "name", "tax_number", "country", "city", "phone", "rating")
COUNTRY_NAMES = {"CN": "中国", "DE": "德国", "US": "美国", "JP": "日本", "CH": "瑞士"}

BAD: Mapping[str, str] = {
    "customer C10009": "its kind X is in no list",
    "customer C10023": "its credit limit is below zero",
    "distributor 6": "its telephone number is a note",
}

_HOSPITALS = (
    ("First People's Hospital", "第一人民医院", "H"), ("Central Hospital", "中心医院", "H"),
    ("University Hospital", "大学附属医院", "H"), ("Children's Hospital", "儿童医院", "H"),
    ("Cardiology Clinic", "心血管专科门诊", "C"), ("Medical Trading", "医疗器械贸易有限公司", "D"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer of the ERP; the country is ISO 3166 alpha-2."""

    number: str
    name: str
    short_name: str
    tax_number: str
    country: str
    city: str
    kind: str
    credit_limit: str
    sales_rep: str
    blocked: bool


@dataclass(frozen=True, slots=True)
class Distributor:
    """One line of the agency's file: every other one is a customer of the ERP already."""

    number: str
    name: str
    tax_number: str
    country: str
    city: str
    phone: str
    rating: str


def customers(seed: int = landscape.SEED) -> list[Customer]:
    """Hospitals, clinics and traders, numbered from C10001."""
    draw = random.Random(f"{seed} customers")
    made: list[Customer] = []
    taken: set[str] = set()
    while len(made) < CUSTOMERS:
        place = landscape.Place(*draw.choice(words.PLACES_CN if draw.random() < 0.8 else words.PLACES_ABROAD))
        english, local, kind = draw.choice(_HOSPITALS)
        name = f"{place.city_local}市{local}" if place.country == "CN" else f"{place.city_latin} {english}"
        if name in taken:
            continue
        taken.add(name)
        number = f"C{10001 + len(made)}"
        made.append(_spoiled(Customer(
            number, name, f"{place.city_latin} {english}"[:30], numbers.tax(draw, place.country)[1],
            place.country, place.city_local, kind, f"{draw.randrange(5, 400) * 1000}.00",
            f"E{draw.randint(21, landscape.EMPLOYEES):05d}", draw.random() < 0.05,
        )))  # fmt: skip
    return made


def _spoiled(customer: Customer) -> Customer:
    match customer.number:
        case "C10009":
            return replace(customer, kind="X")
        case "C10023":
            return replace(customer, credit_limit="-5000.00")
    return customer


def distributors(seed: int = landscape.SEED) -> list[Distributor]:
    """What the agency knows, with its own ratings and telephone numbers."""
    draw = random.Random(f"{seed} distributors")
    known = [each for each in customers(seed) if each.kind == "D"]
    made = []
    for index in range(1, DISTRIBUTORS + 1):
        phone = f"+86 21 5550 {draw.randrange(10000):04d}"
        if index % 2 and index // 2 < len(known):
            old = known[index // 2]
            name, tax, country, city = old.name, old.tax_number, old.country, old.city
        else:
            place = landscape.Place(*draw.choice(words.PLACES_CN))
            stem = "".join(part[1] for part in draw.sample(words.SYLLABLES, 2))
            name = f"{place.city_local}{stem}医疗科技有限公司"
            country, city, tax = place.country, place.city_local, numbers.tax(draw, place.country)[1]
        phone = "ask Ms. Lin" if index == 6 else phone
        made.append(
            Distributor(str(index), name, tax, COUNTRY_NAMES[country], city, phone, draw.choice("ABC"))
        )
    return made


def write_distributors(path: Path, rows: Sequence[Distributor] | None = None) -> None:
    """The agency's file: GB18030, semicolons, as its spreadsheet saves it."""
    lines = [";".join(HEADER)]
    for row in distributors() if rows is None else rows:
        lines.append(";".join(getattr(row, name) for name in HEADER))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode("gb18030"))
