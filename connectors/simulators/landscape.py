"""The invented company group whose systems are simulated: a maker of medical devices, seated in Suzhou
with works in Tuttlingen and an office in Boston. Nothing in it is a real person or company.

The same seed gives the same data. Some records are bad on purpose; ``BAD`` says which and how.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from connectors.simulators import numbers, words

SEED = 20261123
AS_OF = date(2026, 1, 31)
SUPPLIERS = 120
COST_CENTERS = 60
MATERIALS = 300
EMPLOYEES = 250

COUNTRIES = (
    "AT", "BE", "CA", "CH", "CN", "CZ", "DE", "DK", "ES", "FI", "FR", "GB", "HK", "HU", "IE", "IN", "IT",
    "JP", "KR", "MX", "MY", "NL", "NO", "PL", "PT", "SE", "SG", "TH", "TW", "US", "VN",
)  # fmt: skip

BAD: Mapping[str, str] = {
    "supplier 1000017": "has no name",
    "supplier 1000031": "country ZZ is in no list",
    "supplier 1000044": "its e-mail has two @",
    "supplier 1000058": "has the tax number of 1000057: entered twice",
    "supplier 1000101": "its name has a line end and a tab in it",
    "material MD-00123": "has no description in any language",
    "material MD-00207": "has the GTIN of MD-00206",
    "employee 13": "its e-mail has no domain",
    "employee 37": "has no last name",
    "employee 64": "was hired on 30 February 2021",
    "employee 88": "has the employee number of 87: entered twice",
    "employee 119": "lives in country XX",
    "employee 141": "was hired on 31.12.2019, in another format than all others",
    "employee 190": "has a manager who does not exist",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Chinese ones have city and street in both languages."""

    city: str
    region: str
    postal_code: str
    country: str
    street: str

    @property
    def city_latin(self) -> str:
        return self.city.split()[0] if self.city[-1] > "\u2fff" else self.city

    @property
    def street_latin(self) -> str:
        return self.street.rpartition(" ")[0] if self.street[-1] > "\u2fff" else self.street

    @property
    def city_local(self) -> str:
        return self.city.split()[-1] if self.city[-1] > "\u2fff" else self.city

    @property
    def street_local(self) -> str:
        return self.street.split()[-1] if self.street[-1] > "\u2fff" else self.street


@dataclass(frozen=True, slots=True)
class Supplier:
    """``tax_type`` is SAP's tax category; ``name_local`` is empty abroad."""

    code: str
    name: str
    name_local: str
    place: Place
    house_number: str
    email: str
    phone: str
    tax_type: str
    tax_number: str
    bank_name: str
    bank_number: str
    swift: str
    account: str
    iban: str
    industry: str
    created: date
    blocked: bool


@dataclass(frozen=True, slots=True)
class CostCenter:
    """``category`` is SAP's: W, E or H; ``responsible`` an employee number."""

    code: str
    company: str
    name: str
    name_local: str
    category: str
    responsible: str
    department: str
    valid_from: date


@dataclass(frozen=True, slots=True)
class Material:
    """Weights in kilograms as decimal texts; ``descriptions`` by language."""

    code: str
    type: str
    group: str
    unit: str
    gross_weight: str
    net_weight: str
    gtin: str
    descriptions: Mapping[str, str]
    created: date
    changed_days: int


@dataclass(frozen=True, slots=True)
class Department:
    """``parent`` is None for the group itself."""

    code: str
    name: str
    name_local: str
    parent: str | None
    company: str
    cost_center: str


@dataclass(frozen=True, slots=True)
class Employee:
    """``hired``, ``left`` and ``birth_date`` are texts as the HR system has them, ``salary`` is yearly."""

    id: int
    number: str
    first_name: str
    last_name: str | None
    name_local: str
    email: str
    mobile: str
    department: str
    position: str
    position_local: str
    manager: int | None
    hired: str
    left: str | None
    place: Place
    house_number: str
    national_id: str
    salary: int
    currency: str
    birth_date: str
    active: bool
    hours: float


def suppliers(seed: int = SEED, count: int = SUPPLIERS) -> list[Supplier]:
    """The suppliers, Chinese for the most part, numbered from 1000001."""
    draw = random.Random(f"{seed} suppliers")
    made: list[Supplier] = []
    seen: set[str] = set()
    while len(made) < count:
        number = 1000001 + len(made)
        place = draw.choice(words.PLACES_CN if draw.random() < 0.7 else words.PLACES_ABROAD)
        name, local = _company(draw, Place(*place))
        if name in seen and len(made) < SUPPLIERS:  # of a longer list, some share their names
            continue
        seen.add(name)
        made.append(_supplier(draw, number, name, local, Place(*place), made))
    return made


def _supplier(
    draw: random.Random, number: int, name: str, local: str, place: Place, before: list[Supplier]
) -> Supplier:
    stem = "".join(char for char in name.split()[0].lower() + name.split()[1].lower() if char.isalnum())
    email = f"sales@{stem}.example"
    tax_type, tax_number = numbers.tax(draw, place.country)
    bank_name, bank_number, swift = draw.choice(words.BANKS[place.country])
    phone = numbers.phone(draw, place.country)
    account = numbers.digits(draw, 16)
    account_de = bank_number + numbers.digits(draw, 10)
    iban = numbers.iban(place.country, account_de) if place.country == "DE" else ""
    match number:
        case 1000017:
            name = local = ""
        case 1000031:
            place = replace(place, country="ZZ", region="")
        case 1000044:
            email = email.replace("@", "@@")
        case 1000058:
            tax_type, tax_number = before[-1].tax_type, before[-1].tax_number
        case 1000101:
            name, local = f"{name}\r\n\t", local and f"{local}\r\n\t"
    return Supplier(
        str(number), name, local, place, str(draw.randint(1, 399)), email, phone, tax_type,
        tax_number, bank_name, bank_number, swift, account, iban, draw.choice(words.INDUSTRIES),
        date(2015, 1, 5) + timedelta(days=draw.randrange(3800)), draw.random() < 0.04,
    )


def departments() -> list[Department]:
    """The tree of departments, parents first."""
    return [Department(*row) for row in words.DEPARTMENTS]


def cost_centers(seed: int = SEED) -> list[CostCenter]:
    """Three cost centres a department: its own, and two of its purposes."""
    draw = random.Random(f"{seed} cost centers")
    made = []
    for department in departments():
        for suffix, (name, local, category) in enumerate(words.COST_PURPOSES):
            code = f"{department.cost_center}{suffix}"
            made.append(
                CostCenter(
                    code, department.company, f"{department.name} {name}".strip(),
                    department.name_local + local, category,
                    f"E{draw.randint(1, EMPLOYEES):05d}", department.code, date(2018, 1, 1),
                )
            )
    return made[:COST_CENTERS]


def materials(seed: int = SEED, count: int = MATERIALS) -> list[Material]:
    """Finished goods, parts and packaging, numbered from MD-00001."""
    draw = random.Random(f"{seed} materials")
    made: list[Material] = []
    for index in range(1, count + 1):
        (noun, local, kind, group, unit), size = draw.choice(words.GOODS), draw.choice(words.SIZES)
        english, chinese = draw.choice(words.QUALITIES)
        texts = {"EN": f"{english} {noun} {size}", "ZH": f"{chinese}{local} {size}"}
        gtin = numbers.gtin(f"6976{index:08d}")
        if index % 9 == 0:
            del texts["ZH"]
        if index == 123:
            texts = {}
        if index == 207:
            gtin = made[-1].gtin
        net = draw.randint(5, 4000)
        made.append(
            Material(
                f"MD-{index:05d}", kind, group, unit, f"{net * 1.12 / 1000:.3f}", f"{net / 1000:.3f}", gtin,
                texts, date(2016, 3, 1) + timedelta(days=draw.randrange(3400)), draw.randrange(1, 400),
            )
        )
    return made


def employees(seed: int = SEED, count: int = EMPLOYEES) -> list[Employee]:
    """The staff; the first of a department leads it."""
    draw = random.Random(f"{seed} employees")
    codes = [department.code for department in departments()]
    company = {department.code: department.company for department in departments()}
    parents = {department.code: department.parent for department in departments()}
    leaders = {code: index for index, code in enumerate(codes, start=1)}
    taken: set[str] = set()
    made = []
    for number in range(1, count + 1):
        department = codes[number - 1] if number <= len(codes) else draw.choice(codes[1:])
        leads = leaders[department] == number
        above = parents[department]
        manager = (leaders[above] if above else None) if leads else leaders[department]
        made.append(_employee(draw, number, department, company[department], manager, leads, taken))
    return made


def _employee(
    draw: random.Random,
    number: int,
    department: str,
    company: str,
    manager: int | None,
    leads: bool,
    taken: set[str],
) -> Employee:
    first, last, local = _person(draw, company)
    country = {"1000": "CN", "2000": "DE", "3000": "US"}[company]
    places = [Place(*row) for row in words.PLACES_CN + words.PLACES_ABROAD]
    place = draw.choice([place for place in places if place.country == country])
    hired = date(2010, 1, 4) + timedelta(days=draw.randrange(5800))
    gone = number > 20 and draw.random() < 0.07
    left = hired + timedelta(days=draw.randint(90, 900)) if gone else None
    title, title_local = words.LEADER if leads else draw.choice(words.POSITIONS)
    born = date(1963, 1, 1) + timedelta(days=draw.randrange(14000))
    employee = Employee(
        id=number, number=f"E{number:05d}", first_name=first, last_name=last, name_local=local,
        email=_email(first, last, taken), mobile=numbers.mobile(country, number), department=department,
        position=title, position_local=title_local, manager=manager, hired=hired.isoformat(),
        left=left.isoformat() if left else None, place=place, house_number=str(draw.randint(1, 220)),
        national_id=numbers.national_id(draw, country, born),
        salary=draw.randrange(60, 480) * 1000 // (1 if country == "CN" else 3),
        currency={"CN": "CNY", "DE": "EUR", "US": "USD"}[country], birth_date=born.isoformat(),
        active=left is None, hours=draw.choice([40.0, 40.0, 40.0, 32.0, 20.0]),
    )
    return _spoiled(employee)


def _spoiled(employee: Employee) -> Employee:
    match employee.id:
        case 13:
            return replace(employee, email=employee.email.partition("@")[0] + "@")
        case 37:
            return replace(employee, last_name=None)
        case 64:
            return replace(employee, hired="2021-02-30")
        case 88:
            return replace(employee, number="E00087")
        case 119:
            return replace(employee, place=replace(employee.place, country="XX"))
        case 141:
            return replace(employee, hired="31.12.2019")
        case 190:
            return replace(employee, manager=99999)
    return employee


def _company(draw: random.Random, place: Place) -> tuple[str, str]:
    if place.country == "CN":
        first, second = draw.sample(words.SYLLABLES, 2)
        trade, trade_local = draw.choice(words.TRADES)
        city, city_local = place.city.split(" ", 1)
        stem = (first[0] + second[0]).capitalize()
        return (
            f"{city} {stem} {trade} Co., Ltd.",
            f"{city_local}{first[1]}{second[1]}{trade_local}有限公司",
        )
    stem = draw.choice(words.STEMS[place.country]) + draw.choice(words.STEM_ENDS[place.country])
    trade, _ = draw.choice(words.TRADES)
    return f"{stem} {trade} {draw.choice(words.FORMS[place.country])}", ""


def _person(draw: random.Random, company: str) -> tuple[str, str, str]:
    if company == "1000" and draw.random() < 0.94:
        family, given = draw.choice(words.FAMILIES), draw.sample(words.GIVEN, draw.choice([1, 2, 2]))
        first = "".join(part[0] for part in given).capitalize()
        return first, family[0].capitalize(), family[1] + "".join(part[1] for part in given)
    key = {"2000": "DE", "3000": "US"}.get(company, "US")
    return draw.choice(words.FIRST[key]), draw.choice(words.LAST[key]), ""


def _email(first: str, last: str, taken: set[str]) -> str:
    plain = f"{first}.{last}".lower().translate(words.PLAIN)
    name = next(name for name in _numbered(plain) if name not in taken)
    taken.add(name)
    return f"{name}@lanhai-medical.example"


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}{number}" for number in itertools.count(2))
