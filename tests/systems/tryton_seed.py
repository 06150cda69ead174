"""Fills a fresh Tryton over JSON-RPC, the protocol of its own clients. The same every time.

60 parties P0000..P0059 with one address and two contacts each, 40 products SKU0000..SKU0039, a company
HUBCO with 12 employees E000..E011, and an application key of its REST API for the user. Two of the employees are users:
anna may ask for purchases, bob may also approve them; each has the password of ``PASSWORDS``.
"""

from __future__ import annotations

import base64
import datetime
import itertools
import json
import urllib.request
from typing import Any

PARTIES, PRODUCTS, EMPLOYEES = 60, 40, 12
PASSWORDS = {"anna": "AnnaPw-2026!x", "bob": "BobPw-2026!xy"}
GROUPS = {
    "anna": ("Purchase Requisition",),
    "bob": ("Purchase Requisition", "Purchase Requisition Approval"),
}
CITIES = ("Berlin", "Shanghai", "Lyon", "Boston")
COUNTRIES = (("Germany", "DE"), ("China", "CN"), ("France", "FR"), ("United States", "US"))


class Session:
    """One login; ``call`` raises RuntimeError with Tryton's words where it refuses."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self._url, self._ids, self._login = f"{url}/rpc/", itertools.count(1), ""
        self.context: dict[str, Any] = {}
        self.user, token, *_ = self.rpc("common.db.login", user, {"password": password}, "en")
        self._login = base64.b64encode(f"{user}:{self.user}:{token}".encode()).decode()

    def rpc(self, method: str, *arguments: Any) -> Any:
        body = json.dumps({"id": next(self._ids), "method": method, "params": arguments}).encode()
        headers = {"Content-Type": "application/json"}
        if self._login:
            headers["Authorization"] = f"Session {self._login}"
        request = urllib.request.Request(self._url, data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=120) as answer:
            said = json.load(answer)
        if isinstance(said, dict) and said.get("error"):
            raise RuntimeError(f"{method}: {said['error'][:2]}")
        return said["result"] if isinstance(said, dict) and "result" in said else said

    def call(self, model: str, method: str, *arguments: Any) -> Any:
        return self.rpc(f"model.{model}.{method}", *arguments, self.context)

    def first(self, model: str, *domain: list[str]) -> int:
        found: list[int] = self.call(model, "search", list(domain), 0, 1, None)
        return found[0]


def seed(url: str, user: str, password: str) -> None:
    session = Session(url, user, password)
    company = _company(session)
    names = [{"name": name, "code": code} for name, code in COUNTRIES]
    countries = session.call("country.country", "create", names)
    session.call("party.party", "create", [_party(number, countries) for number in range(PARTIES)])
    unit = session.first("product.uom", ["symbol", "=", "u"])
    session.call("product.template", "create", [_product(number, unit) for number in range(PRODUCTS)])
    people = [{"name": f"Employee {number} 员工", "code": f"E{number:03d}"} for number in range(EMPLOYEES)]
    employed = session.call("party.party", "create", people)
    start = datetime.date(2024, 1, 1)
    jobs = [
        {"party": party, "company": company, "start_date": _date(start + datetime.timedelta(30 * number))}
        for number, party in enumerate(employed)
    ]
    employees = session.call("company.employee", "create", jobs)
    _users(session, company, employees)
    session.call("res.user.application", "create", [{"user": session.user, "application": "rest"}])


def _users(session: Session, company: int, employees: list[int]) -> None:
    groups = {name: session.first("res.group", ["name", "=", name]) for name in GROUPS["bob"]}
    for employee, (login, password) in zip(employees, PASSWORDS.items(), strict=False):
        user: dict[str, Any] = {"name": login.title(), "login": login, "password": password}
        user |= {"companies": [["add", [company]]], "company": company}
        user |= {"employees": [["add", [employee]]], "employee": employee}
        user |= {"groups": [["add", [groups[name] for name in GROUPS[login]]]]}
        session.call("res.user", "create", [user])


def _company(session: Session) -> int:
    """The company everything belongs to; the session works in it from here on."""
    euro: dict[str, Any] = {"name": "Euro", "code": "EUR", "numeric_code": "978", "symbol": "€", "digits": 2}
    rates = [["create", [{"date": _date(datetime.date(2020, 1, 1)), "rate": _decimal("1")}]]]
    euro |= {"rounding": _decimal("0.01"), "rates": rates}
    (currency,) = session.call("currency.currency", "create", [euro])
    (party,) = session.call("party.party", "create", [{"name": "Hub Test Company", "code": "HUBCO"}])
    values = {"party": party, "currency": currency, "timezone": "Europe/Berlin"}
    (company,) = session.call("company.company", "create", [values])
    session.call("res.user", "write", [session.user], {"companies": [["add", [company]]], "company": company})
    session.context = session.rpc("model.res.user.get_preferences", True, {})
    return int(company)


def _party(number: int, countries: list[int]) -> dict[str, Any]:
    place = number % len(CITIES)
    address: dict[str, Any] = {"street": f"{number} Main Street", "postal_code": f"{10000 + number}"}
    address |= {"city": CITIES[place], "country": countries[place]}
    contacts = [
        {"type": "email", "value": f"p{number}@example.com"},
        {"type": "phone", "value": f"+49 30 {1000000 + number}"},
    ]
    return {
        "name": f"Party {number:03d} 供应商",
        "code": f"P{number:04d}",
        "addresses": [["create", [address]]],
        "contact_mechanisms": [["create", contacts]],
    }


def _product(number: int, unit: int) -> dict[str, Any]:
    return {
        "name": f"Product {number:03d} 产品",
        "code": f"SKU{number:04d}",
        "type": "goods",
        "default_uom": unit,
        "list_price": _decimal(f"{10 + number}.50"),
        "products": [["create", [{"cost_price": _decimal(f"{5 + number}")}]]],
    }


def _date(day: datetime.date) -> dict[str, Any]:
    return {"__class__": "date", "year": day.year, "month": day.month, "day": day.day}


def _decimal(number: str) -> dict[str, Any]:
    return {"__class__": "Decimal", "decimal": number}
