"""The objects of the simulated Salesforce: their fields, their first records, and changes to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.simulators import landscape, staff
from connectors.simulators.tables import Row, Table
from connectors.simulators.wire import Refused, Request

_SYSTEM = ("Id", "IsDeleted", "CreatedDate", "LastModifiedDate", "SystemModstamp")
_ACCOUNT = (
    "Name", "AccountNumber", "ExternalId__c", "Phone", "Website", "BillingStreet", "BillingCity",
    "BillingPostalCode", "BillingCountryCode", "Active__c",
)  # fmt: skip
_CONTACT = ("FirstName", "LastName", "Email", "MobilePhone", "Title", "AccountId")
FIELDS: Mapping[str, Sequence[str]] = {"Account": (*_SYSTEM, *_ACCOUNT), "Contact": (*_SYSTEM, *_CONTACT)}
_LENGTHS = {"Name": 255, "Phone": 40, "LastName": 80, "ExternalId__c": 40}


def time(value: datetime) -> str:
    """As Salesforce writes it: milliseconds and +0000."""
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}+0000"


def shown(name: str, row: Row, fields: Sequence[str] | None = None) -> Row:
    """A record as answers show it; those of a query have the fields that it names."""
    url = f"/services/data/v62.0/sobjects/{name}/{row.get('Id')}"
    wanted = fields or FIELDS[name]
    found = {one: row[one] for one in wanted if one in row}
    extra = {one: value for one, value in row.items() if one not in FIELDS[name]}  # fields that drifted
    return {"attributes": {"type": name, "url": url}} | found | extra


def fill(tables: Mapping[str, Table], seed: int, records: int) -> None:
    """So many accounts, and a contact for every fifth."""
    people = staff.staff(seed, records).people
    for number, it in enumerate(landscape.suppliers(seed, records), start=1):
        changed = time(datetime(2026, 1, 2, 6, tzinfo=UTC) + timedelta(minutes=number * 37 % 40_000))
        system = {"IsDeleted": False, "CreatedDate": "2024-05-02T09:00:00.000+0000"}
        system |= {"LastModifiedDate": changed, "SystemModstamp": changed}
        account = f"001D{number:014d}"
        tables["Account"].seed(
            system
            | {
                "Id": account, "Name": it.name.strip() or "(none)", "AccountNumber": it.code, "ExternalId__c": None,
                "Phone": it.phone, "Website": None, "BillingStreet": it.place.street_latin,
                "BillingCity": it.place.city_latin, "BillingPostalCode": it.place.postal_code,
                "BillingCountryCode": it.place.country, "Active__c": True,
            }
        )  # fmt: skip
        if number % 5 == 0:
            person = people[number - 1]
            first, _, last = person.name_latin.partition(" ")
            tables["Contact"].seed(
                system
                | {
                    "Id": f"003D{number:014d}", "FirstName": first, "LastName": last or first,
                    "Email": person.email, "MobilePhone": person.mobile, "Title": person.title,
                    "AccountId": account,
                }
            )  # fmt: skip


class Rows:
    """Changes to one object, in the course of one request."""

    def __init__(self, request: Request, table: Table) -> None:
        self._request, self._table = request, table

    def get(self, key: str) -> Row:
        row = self._table.get(key)
        if row is None or row["IsDeleted"]:
            raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
        return row

    def external(self, field: str, value: str) -> Row:
        self._known({field: value})
        for row in self._table:
            if row[field] == value and not row["IsDeleted"]:
                return row
        raise Refused(404, "NOT_FOUND", "The requested resource does not exist")

    def create(self, values: Mapping[str, Any]) -> Row:
        self._known(values)
        prefix = "001D" if self._table.name == "Account" else "003D"
        key = f"{prefix}{90_000_000 + len(self._table):014d}"
        row: Row = dict.fromkeys(FIELDS[self._table.name]) | dict(values) | {"Id": key, "IsDeleted": False}
        if not self._request.lies():
            self._table.create(row)
            self._request.record("create", self._table.name, key, str(values.get("ExternalId__c", "")))
        return {"id": key, "success": True, "errors": []}

    def update(self, key: str, values: Mapping[str, Any]) -> None:
        self._known(values)
        row = self.get(key)
        if not self._request.lies() and any(row[name] != value for name, value in values.items()):
            self._table.update((key,), values)
            self._request.record("update", self._table.name, key, ",".join(sorted(values)))

    def upsert(self, field: str, value: str, values: Mapping[str, Any]) -> Row:
        if not value:
            raise Refused(400, "MISSING_ARGUMENT", f"{field} not specified")
        try:
            key = self.external(field, value)["Id"]
        except Refused as error:
            if error.status != 404:
                raise
            return {**self.create({**values, field: value}), "created": True}
        self.update(key, values)
        return {"id": key, "success": True, "errors": [], "created": False}

    def delete(self, key: str) -> None:
        """Into the recycle bin."""
        self.get(key)
        if not self._request.lies():
            self._table.update((key,), {"IsDeleted": True})
            self._request.record("delete", self._table.name, key)

    def _known(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if name not in FIELDS[self._table.name]:
                message = f"No such column '{name}' on sobject of type {self._table.name}"
                raise Refused(400, "INVALID_FIELD", message)
            if len(str(value or "")) > _LENGTHS.get(name, 1 << 20):
                message = f"{name}: data value too large: (max length={_LENGTHS[name]})"
                raise Refused(400, "STRING_TOO_LONG", message, fields=[name])
