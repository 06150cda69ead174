"""SAP S/4HANA: the OData V2 services for business partners, cost centers and products.

Basic authentication as user ``HUB``. Entity sets, names and rules as in SAP's published services
API_BUSINESS_PARTNER, API_COSTCENTER_SRV and API_PRODUCT_SRV, in the part that an integration of suppliers, cost
centers, materials and projects (API_ENTERPRISE_PROJECT_SRV) uses: numbers are given by the system, changes need an
ETag and a CSRF token, LastChangeDate has the day only and is empty until the first change, cost centers tell no time
of change at all. """

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from connectors.simulators import landscape, s4_records
from connectors.simulators.edm import EntitySet, Navigation, Property
from connectors.simulators.gateway import Gateway
from connectors.simulators.odata import Service, failure
from connectors.simulators.tables import Clock, Row, Table
from connectors.simulators.wire import Answer, Refused, Request, refusal

USER = "HUB"
PASSWORD = "s4-demo"
ROOT = "/sap/opu/odata/sap/"
COUNTRIES = frozenset(landscape.COUNTRIES)



def _texts(names: str, length: int = 40) -> tuple[Property, ...]:
    return tuple(Property(name, length=length) for name in names.split())


def _stamps() -> tuple[Property, ...]:
    return (
        Property("CreatedByUser", length=12, written=False),
        Property("CreationDate", "DateTime", written=False),
        Property("LastChangeDate", "DateTime", written=False),
        Property("LastChangedByUser", length=12, written=False),
    )


_BP = {"BusinessPartner": "BusinessPartner"}
_CC = {name: name for name in ("ControllingArea", "CostCenter", "ValidityEndDate")}
_ADDRESS = {"AddressID": "AddressID"}

PARTNERS = (
    EntitySet(
        "A_BusinessPartner",
        ("BusinessPartner",),
        (
            Property("BusinessPartner", length=10, label="Business Partner"),
            Property("Customer", length=10, written=False),
            Property("Supplier", length=10, written=False),
            Property("BusinessPartnerCategory", length=1, label="BP Category"),
            Property("BusinessPartnerFullName", length=81, written=False),
            Property("BusinessPartnerGrouping", length=4),
            Property("BusinessPartnerName", length=81, written=False),
            Property("BusinessPartnerUUID", "Guid", written=False),
            *_texts("CorrespondenceLanguage Language", 2),
            *_texts("FirstName LastName OrganizationBPName1 OrganizationBPName2 OrganizationBPName3"),
            *_texts("SearchTerm1 SearchTerm2", 20),
            Property("Industry", length=10),
            *_stamps(),
            Property("CreationTime", "Time", written=False),
            Property("LastChangeTime", "Time", written=False),
            Property("OrganizationFoundationDate", "DateTime"),
            Property("BusinessPartnerIsBlocked", "Boolean"),
            Property("IsMarkedForArchiving", "Boolean"),
            Property("BusinessPartnerIDByExtSystem", length=20),
            Property("ETag", length=26, written=False),
        ),
        (
            Navigation("to_BusinessPartnerAddress", "A_BusinessPartnerAddress", _BP),
            Navigation("to_BusinessPartnerBank", "A_BusinessPartnerBank", _BP),
            Navigation("to_BusinessPartnerRole", "A_BusinessPartnerRole", _BP),
            Navigation("to_BusinessPartnerTax", "A_BusinessPartnerTaxNumber", _BP),
            Navigation("to_Supplier", "A_Supplier", {"Supplier": "Supplier"}, many=False),
        ),
        deletable=False,
    ),
    EntitySet(
        "A_BusinessPartnerAddress",
        ("BusinessPartner", "AddressID"),
        (
            *_texts("BusinessPartner AddressID", 10),
            Property("ValidityStartDate", "DateTimeOffset"),
            Property("ValidityEndDate", "DateTimeOffset"),
            *_texts("CityName District HouseNumber"),
            *_texts("Country Region", 3),
            Property("Language", length=2),
            *_texts("PostalCode Person", 10),
            Property("StreetName", length=60),
        ),
        (
            Navigation("to_EmailAddress", "A_AddressEmailAddress", _ADDRESS),
            Navigation("to_PhoneNumber", "A_AddressPhoneNumber", _ADDRESS),
        ),
    ),
    EntitySet(
        "A_AddressEmailAddress",
        ("AddressID", "Person", "OrdinalNumber"),
        (
            *_texts("AddressID Person", 10),
            Property("OrdinalNumber", length=3),
            Property("IsDefaultEmailAddress", "Boolean"),
            Property("EmailAddress", length=241),
        ),
    ),
    EntitySet(
        "A_AddressPhoneNumber",
        ("AddressID", "Person", "OrdinalNumber"),
        (
            *_texts("AddressID Person", 10),
            *_texts("OrdinalNumber DestinationLocationCountry", 3),
            Property("IsDefaultPhoneNumber", "Boolean"),
            *_texts("PhoneNumber InternationalPhoneNumber", 30),
        ),
    ),
    EntitySet(
        "A_BusinessPartnerBank",
        ("BusinessPartner", "BankIdentification"),
        (
            Property("BusinessPartner", length=10),
            Property("BankIdentification", length=4),
            Property("BankCountryKey", length=3),
            *_texts("BankName BankAccountHolderName", 60),
            Property("BankNumber", length=15),
            Property("SWIFTCode", length=11),
            Property("IBAN", length=34),
            Property("BankAccount", length=18),
        ),
    ),
    EntitySet(
        "A_BusinessPartnerTaxNumber",
        ("BusinessPartner", "BPTaxType"),
        (
            Property("BusinessPartner", length=10),
            Property("BPTaxType", length=4),
            Property("BPTaxNumber", length=20),
            Property("BPTaxLongNumber", length=60),
        ),
    ),
    EntitySet(
        "A_BusinessPartnerRole",
        ("BusinessPartner", "BusinessPartnerRole"),
        (
            Property("BusinessPartner", length=10),
            Property("BusinessPartnerRole", length=6),
            Property("ValidFrom", "DateTimeOffset"),
            Property("ValidTo", "DateTimeOffset"),
        ),
    ),
    EntitySet(
        "A_Supplier",
        ("Supplier",),
        (
            Property("Supplier", length=10),
            Property("CreatedByUser", length=12, written=False),
            Property("CreationDate", "DateTime", written=False),
            *(Property(name, "Boolean") for name in ("PaymentIsBlockedForSupplier", "PostingIsBlocked")),
            *(Property(name, "Boolean") for name in ("PurchasingIsBlocked", "DeletionIndicator")),
            Property("SupplierAccountGroup", length=4),
            Property("SupplierFullName", length=220, written=False),
            Property("SupplierName", length=80, written=False),
            Property("VATRegistration", length=20, written=False),
            Property("Industry", length=4),
            Property("TaxNumber1", length=16, written=False),
            Property("TaxNumber5", length=60, written=False),
        ),
        creatable=False,
        deletable=False,
    ),
)

COST_CENTERS = (
    EntitySet(
        "A_CostCenter",
        ("ControllingArea", "CostCenter", "ValidityEndDate"),
        (
            Property("ControllingArea", length=4),
            Property("CostCenter", length=10),
            Property("ValidityEndDate", "DateTime"),
            Property("ValidityStartDate", "DateTime"),
            *_texts("CompanyCode BusinessArea", 4),
            Property("CostCenterCategory", length=1),
            *_texts("CostCtrResponsiblePersonName CostCtrResponsibleUser Department", 20),
            Property("CostCenterCurrency", length=5),
            Property("ProfitCenter", length=10),
            Property("Country", length=3),
            Property("Language", length=2),
            Property("CostCenterCreatedByUser", length=12, written=False),
            Property("CostCenterCreationDate", "DateTime", written=False),
        ),
        (Navigation("to_Text", "A_CostCenterText", _CC),),
    ),
    EntitySet(
        "A_CostCenterText",
        ("Language", "ControllingArea", "CostCenter", "ValidityEndDate"),
        (
            Property("Language", length=2),
            Property("ControllingArea", length=4),
            Property("CostCenter", length=10),
            Property("ValidityEndDate", "DateTime"),
            Property("ValidityStartDate", "DateTime"),
            Property("CostCenterName", length=20),
            Property("CostCenterDescription", length=40),
        ),
    ),
)

PRODUCTS = (
    EntitySet(
        "A_Product",
        ("Product",),
        (
            Property("Product", length=40),
            Property("ProductType", length=4),
            Property("CrossPlantStatus", length=2),
            *_stamps(),
            Property("LastChangeDateTime", "DateTimeOffset", written=False),
            Property("IsMarkedForDeletion", "Boolean"),
            Property("GrossWeight", "Decimal", length=13, scale=3),
            Property("NetWeight", "Decimal", length=13, scale=3),
            *_texts("WeightUnit BaseUnit", 3),
            Property("ProductGroup", length=9),
            Property("Division", length=2),
            Property("ProductStandardID", length=18, label="EAN/UPC"),
        ),
        (Navigation("to_Description", "A_ProductDescription", {"Product": "Product"}),),
        deletable=False,
    ),
    EntitySet(
        "A_ProductDescription",
        ("Product", "Language"),
        (*_texts("Product ProductDescription"), Property("Language", length=2)),
    ),
)

PROJECTS = (
    EntitySet(
        "A_EnterpriseProject",
        ("ProjectUUID",),
        (
            Property("ProjectUUID", "Guid", written=False),
            Property("Project", length=24),
            Property("ProjectDescription", length=60),
            Property("ProjectStartDate", "DateTime"),
            Property("ProjectEndDate", "DateTime"),
            Property("CompanyCode", length=4),
            Property("ResponsibleCostCenter", length=10),
            Property("ProcessingStatus", length=2),
            Property("LastChangeDateTime", "DateTimeOffset", written=False),
        ),
        creatable=False,
        deletable=False,
    ),
    EntitySet(
        "A_EnterpriseProjectElement",
        ("ProjectElementUUID",),
        (
            Property("ProjectElementUUID", "Guid", written=False),
            Property("ProjectUUID", "Guid"),
            Property("ProjectElement", length=24),
            Property("ProjectElementDescription", length=60),
        ),
        creatable=False,
        deletable=False,
    ),
)


class S4:
    """The product. ``page_size`` is the server's own page; ``users`` name → password."""

    name = "s4"
    title = "SAP S/4HANA"
    login = f"Basic, user {USER}, password {PASSWORD}"

    def __init__(
        self, *, page_size: int = 50, users: Mapping[str, str] | None = None, empty: bool = False,
        seed: int = landscape.SEED, records: int | None = None,
    ) -> None:  # fmt: skip
        self.clock = Clock()
        self.users = dict(users or {USER: PASSWORD})
        self.tables: dict[str, Table] = {
            entity.name: Table(
                entity.name, entity.key, stamp=self._stamper(entity), check=self._checker(entity)
            )
            for entity in (*PARTNERS, *COST_CENTERS, *PRODUCTS, *PROJECTS)
        }
        self._gateway = Gateway(self.users)
        self._user = USER
        prepare = {"A_BusinessPartner": self._number, "A_BusinessPartnerAddress": self._address_number}
        self._services: Sequence[Service] = [
            Service(ROOT + name, name, sets, self._part(sets), page_size=page_size, prepare=prepare)
            for name, sets in (
                ("API_BUSINESS_PARTNER", PARTNERS),
                ("API_COSTCENTER_SRV", COST_CENTERS),
                ("API_PRODUCT_SRV", PRODUCTS),
                ("API_ENTERPRISE_PROJECT_SRV;v=0002", PROJECTS),
            )
        ]
        if not empty:
            s4_records.fill(self.tables, seed, records)

    refusal = staticmethod(refusal)

    def answer(self, request: Request) -> Answer:
        try:
            request.actor = self._user = self._gateway.authenticate(request)
            service = next(
                (each for each in self._services if f"{request.path}/".startswith(f"{each.root}/")), None
            )
            if service is None:
                raise Refused(403, "/IWFND/MED/170", f"No service found for {request.path}")
            headers = self._gateway.csrf(request)
        except Refused as error:
            return failure(error)
        answer = service.answer(request)
        answer.headers |= headers
        return answer

    def _part(self, sets: Sequence[EntitySet]) -> Mapping[str, Table]:
        return {entity.name: self.tables[entity.name] for entity in sets}

    def _stamper(self, entity: EntitySet) -> Callable[[Row, bool], None]:
        def stamp(row: Row, created: bool) -> None:
            now = self.clock.now()
            day = datetime(now.year, now.month, now.day)
            time = timedelta(hours=now.hour, minutes=now.minute, seconds=now.second)
            values = {
                "LastChangeDate": day,
                "LastChangeTime": time,
                "LastChangedByUser": self._user,
                "LastChangeDateTime": now,
                "ETag": f"{self._user:<12}{now:%Y%m%d%H%M%S}",
            }
            if created:
                values |= {  # a record that was never changed has no date of a change
                    "LastChangeDate": None,
                    "LastChangeTime": timedelta(0),
                    "LastChangedByUser": "",
                    "CreationDate": day,
                    "CreationTime": time,
                    "CreatedByUser": self._user,
                    "CostCenterCreationDate": day,
                    "CostCenterCreatedByUser": self._user,
                }
            row |= {name: value for name, value in values.items() if entity.property(name)}
            if entity.name == "A_BusinessPartner":
                s4_records.name(row)
            elif "BusinessPartner" in entity.key:  # what belongs to a partner changes the partner
                self.tables["A_BusinessPartner"].touch((row["BusinessPartner"],))

        return stamp

    def _checker(self, entity: EntitySet) -> Callable[[Row, Row | None], None]:
        def check(row: Row, old: Row | None) -> None:
            partners = self.tables["A_BusinessPartner"]
            for name in entity.key:
                if row.get(name) in (None, "") and name != "Person":
                    raise Refused(400, "/IWBEP/CM_MGW_RT/027", f"Property '{name}' must not be empty")
            if entity.name == "A_BusinessPartner":
                s4_records.check(row)
            elif "BusinessPartner" in entity.key and not partners.get(row["BusinessPartner"]):
                raise Refused(400, "R11/032", f"Business partner {row['BusinessPartner']} does not exist")
            if row.get("Country") and row["Country"] not in COUNTRIES:
                raise Refused(400, "AM/002", f"Country {row['Country']} is not defined")

        return check

    def _number(self, row: Row) -> None:
        """Give the next number of the internal range where none was given."""
        taken = [int(each["BusinessPartner"]) for each in self.tables["A_BusinessPartner"]]
        row["BusinessPartner"] = row["BusinessPartner"] or str(max([1_000_000, *taken]) + 1)
        row["BusinessPartnerUUID"] = s4_records.uuid(row["BusinessPartner"])

    def _address_number(self, row: Row) -> None:
        taken = [int(each["AddressID"]) for each in self.tables["A_BusinessPartnerAddress"]]
        row["AddressID"] = row["AddressID"] or str(max([20_000, *taken]) + 1)
