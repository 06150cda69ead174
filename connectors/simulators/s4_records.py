"""The records of the simulated S/4HANA: the landscape's suppliers, cost centers and materials."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import NAMESPACE_URL, uuid5

from connectors.simulators import landscape
from connectors.simulators.tables import Row, Table
from connectors.simulators.wire import Refused

TODAY = datetime.combine(landscape.AS_OF, time(), UTC)
FOREVER = datetime(9999, 12, 31)
AREA = "A000"
PERSONS = 8


def fill(tables: Mapping[str, Table], seed: int = landscape.SEED, records: int | None = None) -> None:
    """Seed all tables, with so many suppliers and materials."""
    for number, supplier in enumerate(landscape.suppliers(seed, records or landscape.SUPPLIERS)):
        _supplier(tables, supplier, str(20001 + number), number)
    for number, employee in enumerate(landscape.employees(seed)[20 : 20 + PERSONS]):
        _person(tables, employee, str(1_000_001 + max(200, records or 0) + number))
    for center in landscape.cost_centers(seed):
        _cost_center(tables, center)
    for material in landscape.materials(seed, records or landscape.MATERIALS):
        _material(tables, material)
    for number in range(1, 6):
        _project(tables, number)


def _project(tables: Mapping[str, Table], number: int) -> None:
    code = f"LH.{number:03}"
    project = str(uuid5(NAMESPACE_URL, f"project/{number}"))
    tables["A_EnterpriseProject"].seed({
        "ProjectUUID": project, "Project": code, "ProjectDescription": f"Line {number} 产线", "CompanyCode": "1010",
        "ProjectStartDate": datetime(2026, 1, number), "ProjectEndDate": datetime(2026, 12, 31),
        "ProcessingStatus": "10", "ResponsibleCostCenter": "", "LastChangeDateTime": TODAY - timedelta(days=number),
    })  # fmt: skip
    for part in (1, 2):
        tables["A_EnterpriseProjectElement"].seed({
            "ProjectElementUUID": str(uuid5(NAMESPACE_URL, f"project/{number}/{part}")), "ProjectUUID": project,
            "ProjectElement": f"{code}.{part}", "ProjectElementDescription": f"Phase {part}",
        })  # fmt: skip


def name(row: Row) -> None:
    """The names the system puts together."""
    parts = (
        ("FirstName", "LastName")
        if row["BusinessPartnerCategory"] == "1"
        else ("OrganizationBPName1", "OrganizationBPName2")
    )
    full = " ".join(filter(None, (row[part] for part in parts)))
    row["BusinessPartnerFullName"] = row["BusinessPartnerName"] = full


def check(row: Row) -> None:
    """What the system refuses."""
    if row["BusinessPartnerCategory"] not in ("1", "2", "3"):
        raise Refused(400, "R11/010", "Enter a valid business partner category")
    if row["BusinessPartnerCategory"] == "2" and not row["OrganizationBPName1"]:
        raise Refused(400, "R11/401", "Enter a name of the organization")
    if not row["BusinessPartner"].isdigit():
        raise Refused(400, "R11/112", f"Number {row['BusinessPartner']} is not in the number range 01")


def uuid(key: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"urn:lanhai:{key}"))


def _day(value: date) -> datetime:
    return datetime(value.year, value.month, value.day)


def _changed(created: date, ago: timedelta) -> datetime:
    return max(TODAY - ago, _day(created).replace(tzinfo=UTC) + timedelta(hours=10))


def _partner(tables: Mapping[str, Table], code: str, created: date, changed: datetime, values: Row) -> None:
    row = {
        "BusinessPartner": code,
        "Customer": "",
        "Supplier": "",
        "BusinessPartnerCategory": "2",
        "BusinessPartnerGrouping": "BP02",
        "BusinessPartnerUUID": uuid(code),
        "CorrespondenceLanguage": "",
        "Language": "",
        "FirstName": "",
        "LastName": "",
        "OrganizationBPName1": "",
        "OrganizationBPName2": "",
        "OrganizationBPName3": "",
        "SearchTerm1": "",
        "SearchTerm2": "",
        "Industry": "",
        "CreatedByUser": "MIGRATION",
        "CreationDate": _day(created),
        "CreationTime": timedelta(hours=9, minutes=30),
        "LastChangeDate": _day(changed),
        "LastChangedByUser": "MDMUSER",
        "LastChangeTime": timedelta(hours=changed.hour, minutes=changed.minute, seconds=changed.second),
        "OrganizationFoundationDate": None,
        "BusinessPartnerIsBlocked": False,
        "IsMarkedForArchiving": False,
        "BusinessPartnerIDByExtSystem": "",
        "ETag": f"MDMUSER     {changed:%Y%m%d%H%M%S}",
        **values,
    }
    name(row)
    tables["A_BusinessPartner"].seed(row)


def _supplier(tables: Mapping[str, Table], it: landscape.Supplier, address: str, number: int) -> None:
    changed = _changed(it.created, timedelta(days=number * 3, hours=number % 11, seconds=number))
    never = {"LastChangeDate": None, "LastChangeTime": timedelta(0), "LastChangedByUser": ""}
    first, second = _split(it.name_local or it.name)
    _partner(
        tables,
        it.code,
        it.created,
        changed,
        {
            "Supplier": it.code,
            "OrganizationBPName1": first,
            "OrganizationBPName2": second,
            "OrganizationBPName3": _split(it.name)[0] if it.name_local else "",
            "Industry": it.industry,
            "SearchTerm1": it.name.upper()[:20].strip(),
            "BusinessPartnerIsBlocked": it.blocked,
            "Language": "ZH" if it.place.country == "CN" else "EN",
            "BusinessPartnerIDByExtSystem": "",
            **(never if number % 10 == 9 else {}),
        },
    )
    tables["A_Supplier"].seed(
        {
            "Supplier": it.code,
            "CreatedByUser": "MIGRATION",
            "CreationDate": _day(it.created),
            "PaymentIsBlockedForSupplier": it.blocked,
            "PostingIsBlocked": False,
            "PurchasingIsBlocked": it.blocked,
            "DeletionIndicator": False,
            "SupplierAccountGroup": "SUPL",
            "SupplierFullName": f"{first} {second}".strip(),
            "SupplierName": first,
            "VATRegistration": it.tax_number if it.tax_type.endswith("0") else "",
            "Industry": it.industry,
            "TaxNumber1": it.tax_number if it.tax_type == "US2" else "",
            "TaxNumber5": it.tax_number if it.tax_type == "CN5" else "",
        }
    )
    _address(tables, it, address)
    tables["A_BusinessPartnerTaxNumber"].seed(
        {
            "BusinessPartner": it.code,
            "BPTaxType": it.tax_type,
            "BPTaxNumber": it.tax_number,
            "BPTaxLongNumber": "",
        }
    )
    tables["A_BusinessPartnerBank"].seed(
        {
            "BusinessPartner": it.code,
            "BankIdentification": "0001",
            "BankCountryKey": it.place.country,
            "BankName": it.bank_name,
            "BankAccountHolderName": first,
            "BankNumber": it.bank_number,
            "SWIFTCode": it.swift,
            "IBAN": it.iban,
            "BankAccount": "" if it.iban else it.account,
        }
    )
    for role in ("FLVN00", "FLVN01"):
        tables["A_BusinessPartnerRole"].seed(
            {
                "BusinessPartner": it.code,
                "BusinessPartnerRole": role,
                "ValidFrom": _day(it.created).replace(tzinfo=UTC),
                "ValidTo": FOREVER.replace(tzinfo=UTC),
            }
        )


def _address(tables: Mapping[str, Table], it: landscape.Supplier, address: str) -> None:
    tables["A_BusinessPartnerAddress"].seed(
        {
            "BusinessPartner": it.code,
            "AddressID": address,
            "CityName": it.place.city_local,
            "District": "",
            "ValidityStartDate": _day(it.created).replace(tzinfo=UTC),
            "ValidityEndDate": FOREVER.replace(tzinfo=UTC),
            "HouseNumber": it.house_number,
            "Country": it.place.country,
            "Region": it.place.region,
            "Language": "ZH" if it.place.country == "CN" else "EN",
            "PostalCode": it.place.postal_code,
            "Person": "",
            "StreetName": it.place.street_local,
        }
    )
    tables["A_AddressEmailAddress"].seed(
        {
            "AddressID": address,
            "Person": "",
            "OrdinalNumber": "1",
            "IsDefaultEmailAddress": True,
            "EmailAddress": it.email,
        }
    )
    tables["A_AddressPhoneNumber"].seed(
        {
            "AddressID": address,
            "Person": "",
            "OrdinalNumber": "1",
            "DestinationLocationCountry": it.place.country,
            "IsDefaultPhoneNumber": True,
            "PhoneNumber": it.phone.partition(" ")[2],
            "InternationalPhoneNumber": it.phone.replace(" ", ""),
        }
    )


def _person(tables: Mapping[str, Table], it: landscape.Employee, code: str) -> None:
    _partner(
        tables,
        code,
        date(2020, 1, 1),
        TODAY - timedelta(days=400),
        {
            "BusinessPartnerCategory": "1",
            "FirstName": it.first_name,
            "LastName": it.last_name or "",
        },
    )


def _cost_center(tables: Mapping[str, Table], it: landscape.CostCenter) -> None:
    key = {"ControllingArea": AREA, "CostCenter": it.code, "ValidityEndDate": FOREVER}
    tables["A_CostCenter"].seed(
        {
            **key,
            "ValidityStartDate": _day(it.valid_from),
            "CompanyCode": it.company,
            "BusinessArea": "",
            "CostCenterCategory": it.category,
            "CostCtrResponsiblePersonName": it.responsible,
            "CostCtrResponsibleUser": "",
            "Department": it.department,
            "ProfitCenter": f"P{it.company}",
            "Language": "EN",
            "CostCenterCurrency": {"1000": "CNY", "2000": "EUR", "3000": "USD"}[it.company],
            "Country": {"1000": "CN", "2000": "DE", "3000": "US"}[it.company],
            "CostCenterCreatedByUser": "MIGRATION",
            "CostCenterCreationDate": _day(it.valid_from),
        }
    )
    for language, text in (("EN", it.name), ("ZH", it.name_local)):
        tables["A_CostCenterText"].seed(
            {
                **key,
                "Language": language,
                "ValidityStartDate": _day(it.valid_from),
                "CostCenterName": text[:20].strip(),
                "CostCenterDescription": text[:40].strip(),
            }
        )


def _material(tables: Mapping[str, Table], it: landscape.Material) -> None:
    changed = _changed(it.created, timedelta(days=it.changed_days, seconds=int(it.code[-3:])))
    tables["A_Product"].seed(
        {
            "Product": it.code,
            "ProductType": it.type,
            "CrossPlantStatus": "",
            "CreatedByUser": "MIGRATION",
            "CreationDate": _day(it.created),
            "LastChangeDate": _day(changed),
            "LastChangedByUser": "MDMUSER",
            "LastChangeDateTime": changed,
            "IsMarkedForDeletion": False,
            "GrossWeight": Decimal(it.gross_weight),
            "NetWeight": Decimal(it.net_weight),
            "WeightUnit": "KG",
            "BaseUnit": it.unit,
            "ProductGroup": it.group,
            "Division": "00",
            "ProductStandardID": it.gtin,
        }
    )
    for language, text in it.descriptions.items():
        tables["A_ProductDescription"].seed(
            {
                "Product": it.code,
                "Language": language,
                "ProductDescription": text[:40],
            }
        )


def _split(text: str) -> tuple[str, str]:
    """Two lines of 40 characters, broken between words."""
    if len(text) <= 40:
        return text, ""
    place = text.rfind(" ", 0, 41)
    return (text[:place], text[place + 1 :]) if place > 0 else (text[:40], text[40:])
