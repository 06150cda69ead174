from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
import requests

from connectors.simulators import Simulator
from connectors.simulators.s4 import S4

PARTNER = "API_BUSINESS_PARTNER/A_BusinessPartner"
CENTER = "API_COSTCENTER_SRV/A_CostCenter"
PRODUCT = "API_PRODUCT_SRV/A_Product"
ODATA = "{http://schemas.microsoft.com/ado/2008/09/edm}"
WHOLE = {"OrganizationBPName1": "ACME", "BusinessPartnerCategory": "2"}


class Client(requests.Session):
    """A plain client: authentication, JSON, the address of the services."""

    def __init__(self, simulator: Simulator) -> None:
        super().__init__()
        self.auth = ("HUB", "s4-demo")
        self.headers["Accept"] = "application/json"
        self.root = f"{simulator.url}/sap/opu/odata/sap/"

    def read(self, path: str, **options: Any) -> Any:
        query = {f"${name}": str(value) for name, value in options.items()}
        answer = self.get(path if path.startswith("http") else self.root + path, params=query, timeout=5)
        assert answer.status_code == 200, answer.text
        return answer.json()["d"]

    def fails(self, path: str, **options: Any) -> int:
        query = {f"${name}": str(value) for name, value in options.items()}
        answer = self.get(self.root + path, params=query, timeout=5)
        assert set(answer.json()["error"]["message"]) == {"lang", "value"}
        return answer.status_code

    def token(self, service: str = "API_BUSINESS_PARTNER") -> str:
        token = self.get(f"{self.root}{service}/", headers={"X-CSRF-Token": "Fetch"}, timeout=5).headers[
            "X-CSRF-Token"
        ]
        self.headers["X-CSRF-Token"] = token
        return token

    def change(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request(method, self.root + path, json=body, headers=named, timeout=5)


@pytest.fixture(scope="module")
def shared() -> Iterator[Simulator]:
    with Simulator("s4") as simulator:
        yield simulator


@pytest.fixture
def reader(shared: Simulator) -> Client:
    return Client(shared)


@pytest.fixture
def s4() -> Iterator[Simulator]:
    with Simulator(S4(page_size=50)) as simulator:
        yield simulator


@pytest.fixture
def client(s4: Simulator) -> Client:
    client = Client(s4)
    client.token()
    return client


def test_wrong_credentials_are_refused_with_a_challenge(reader: Client) -> None:
    reader.auth = ("HUB", "wrong")
    answer = reader.get(reader.root + PARTNER, timeout=5)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")


def test_metadata_declares_what_the_payloads_hold(reader: Client) -> None:
    answer = reader.get(reader.root + "API_BUSINESS_PARTNER/$metadata", timeout=5)
    schema = ElementTree.fromstring(answer.content)
    types = {each.attrib["Name"]: each for each in schema.iter(f"{ODATA}EntityType")}
    row = reader.read(f"{PARTNER}('1000001')")
    declared = {each.attrib["Name"] for each in types["A_BusinessPartnerType"] if "Name" in each.attrib}
    assert declared == row.keys() - {"__metadata"}
    assert len(types) == 8
    ends = [each.attrib["Type"].split(".")[1] for each in schema.iter(f"{ODATA}End") if "Type" in each.attrib]
    assert set(ends) <= types.keys()


def test_the_service_document_lists_the_sets(reader: Client) -> None:
    assert reader.read("API_PRODUCT_SRV/") == {"EntitySets": ["A_Product", "A_ProductDescription"]}


def test_json_must_be_asked_for(reader: Client) -> None:
    reader.headers["Accept"] = "application/atom+xml"
    assert reader.fails(PARTNER) == 406
    assert reader.read(PARTNER, format="json", top=1)["results"]


def test_following_next_gives_every_record_once(reader: Client) -> None:
    seen, page = [], reader.read(PRODUCT, inlinecount="allpages", select="Product")
    while True:
        seen += [each["Product"] for each in page["results"]]
        assert page["__count"] == "300"
        if "__next" not in page:
            break
        page = reader.read(page["__next"])
    assert seen == [f"MD-{number:05d}" for number in range(1, 301)]


def test_top_and_skip_cut_before_the_server_pages(reader: Client) -> None:
    page = reader.read(PRODUCT, top=60, skip=10)
    assert (len(page["results"]), page["results"][0]["Product"]) == (50, "MD-00011")
    assert len(reader.read(page["__next"])["results"]) == 10


@pytest.mark.parametrize(
    ("path", "condition", "expected"),
    [
        (PARTNER, "BusinessPartner eq '1000001'", 1),
        (PARTNER, "BusinessPartner ge '1000003' and BusinessPartner le '1000005'", 3),
        (PARTNER, "BusinessPartnerCategory eq '1'", 8),
        (PARTNER, "not (BusinessPartnerCategory eq '2') or BusinessPartner eq '1000001'", 9),
        (PARTNER, "BusinessPartnerFullName eq ''", 1),
        (PARTNER, "startswith(BusinessPartner,'100020') eq true", 8),
        (PARTNER, "LastChangeDate eq datetime'2026-01-31T00:00:00'", 1),
        (PARTNER, "BusinessPartnerCategory eq 'it''s'", 0),
        (PARTNER, "OrganizationFoundationDate eq null and BusinessPartner eq '1000001'", 1),
        (
            PARTNER,
            "LastChangeDate gt datetime'2026-01-31T00:00:00' or "
            "(LastChangeDate eq datetime'2026-01-31T00:00:00' and BusinessPartner gt '1000000')",
            1,
        ),
        (PRODUCT, "LastChangeDateTime ge datetimeoffset'2020-01-01T00:00:00Z'", 300),
        (PRODUCT, "NetWeight lt 0M", 0),
        (PRODUCT, "IsMarkedForDeletion eq false and substringof('0012',Product)", 11),
        (CENTER, "CostCenter eq '11000' and ValidityEndDate eq datetime'9999-12-31T00:00:00'", 1),
    ],
)
def test_filters_select(reader: Client, path: str, condition: str, expected: int) -> None:
    count = reader.get(f"{reader.root}{path}/$count", params={"$filter": condition}, timeout=5)
    assert count.text == str(expected)
    assert reader.read(path, filter=condition, inlinecount="allpages")["__count"] == str(expected)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("filter", "Nothing eq 1"),
        ("filter", "BusinessPartner eq"),
        ("filter", "BusinessPartner eq 1"),
        ("filter", "LastChangeDate ge datetimeoffset'2026-01-01T00:00:00Z'"),
        ("filter", "(BusinessPartner eq '1'"),
        ("filter", "LastChangeDate ge datetime'yesterday'"),
        ("select", "Nothing"),
        ("expand", "to_Nothing"),
        ("orderby", "Nothing"),
        ("top", "-1"),
        ("skiptoken", "x"),
        ("madeup", "1"),
        ("select", "to_Supplier/Supplier"),
    ],
)
def test_options_that_mean_nothing_are_refused(reader: Client, option: str, value: str) -> None:
    assert reader.fails(PARTNER, **{option: value}) == 400


def test_orderby_sorts_by_several_and_both_ways(reader: Client) -> None:
    rows = reader.read(PARTNER, orderby="LastChangeDate desc,BusinessPartner")["results"]
    keys = [(-int(each["LastChangeDate"][6:-2]), each["BusinessPartner"]) for each in rows]
    assert keys == sorted(keys)


def test_expand_and_select_reach_into_the_depth(reader: Client) -> None:
    row = reader.read(
        f"{PARTNER}('1000001')",
        expand="to_BusinessPartnerAddress/to_EmailAddress,to_Supplier",
        select="BusinessPartner,to_BusinessPartnerAddress/Country,to_BusinessPartnerAddress/to_EmailAddress/EmailAddress,to_Supplier",
    )
    address = row["to_BusinessPartnerAddress"]["results"][0]
    assert row.keys() == {"__metadata", "BusinessPartner", "to_BusinessPartnerAddress", "to_Supplier"}
    assert address.keys() == {"__metadata", "Country", "to_EmailAddress"}
    assert "@" in address["to_EmailAddress"]["results"][0]["EmailAddress"]
    assert row["to_Supplier"]["Supplier"] == "1000001"
    person = reader.read(f"{PARTNER}('1000201')", expand="to_Supplier")
    assert person["to_Supplier"] is None
    assert "uri" in person["to_BusinessPartnerBank"]["__deferred"]


def test_navigation_and_composite_keys_lead_to_the_same_record(reader: Client) -> None:
    listed = reader.read(f"{PARTNER}('1000001')/to_BusinessPartnerAddress")["results"][0]
    assert reader.get(listed["__metadata"]["uri"], timeout=5).json()["d"] == listed
    center = reader.read(CENTER, top=1)["results"][0]
    assert reader.get(center["__metadata"]["uri"], timeout=5).json()["d"] == center
    assert reader.read(f"{PARTNER}('1000001')/to_Supplier")["Supplier"] == "1000001"


@pytest.mark.parametrize(
    "path", [f"{PARTNER}('9')", f"{PARTNER}('1000001')/to_Nothing", "API_PRODUCT_SRV/Nothing"]
)
def test_what_is_not_there_is_404(reader: Client, path: str) -> None:
    assert reader.fails(path) == 404


@pytest.mark.parametrize("path", [f"{PARTNER}(X='1')", f"{CENTER}('11000')", f"{PARTNER}('1)"])
def test_malformed_keys_are_400(reader: Client, path: str) -> None:
    assert reader.fails(path) == 400


def test_values_are_written_as_v2_writes_them(reader: Client) -> None:
    partner = reader.read(f"{PARTNER}('1000001')")
    assert re.fullmatch(r"/Date\(\d+\)/", partner["CreationDate"])
    assert partner["CreationTime"] == "PT09H30M00S"
    assert partner["OrganizationFoundationDate"] is None
    product = reader.read(f"{PRODUCT}('MD-00001')")
    assert re.fullmatch(r"/Date\(\d+\+0000\)/", product["LastChangeDateTime"])
    assert re.fullmatch(r"\d+\.\d{3}", product["NetWeight"])
    assert product["IsMarkedForDeletion"] is False


def test_a_write_needs_the_token_of_its_session(s4: Simulator) -> None:
    client = Client(s4)
    refused = client.change("POST", PARTNER, WHOLE)
    assert (refused.status_code, refused.headers["X-CSRF-Token"]) == (403, "Required")
    client.token()
    assert client.change("POST", PARTNER, WHOLE).status_code == 201
    client.cookies.clear()
    assert client.change("POST", PARTNER, WHOLE).status_code == 403
    s4.faults.set("expire,method=POST")
    client.token()
    assert client.change("POST", PARTNER, WHOLE).status_code == 403


def test_a_create_gets_a_number_dates_and_its_parts(s4: Simulator, client: Client) -> None:
    body = {**WHOLE, "to_BusinessPartnerAddress": [{"Country": "DE", "CityName": "Ulm"}]}
    answer = client.change("POST", PARTNER, body)
    made = answer.json()["d"]
    assert answer.headers["Location"] == made["__metadata"]["uri"]
    assert made["BusinessPartner"] == "1000209"
    assert made["BusinessPartnerFullName"] == "ACME"
    assert made["CreatedByUser"] == "HUB"
    addresses = client.read(f"{PARTNER}('1000209')/to_BusinessPartnerAddress")["results"]
    assert [each["CityName"] for each in addresses] == ["Ulm"]
    assert s4.log.count("create", "A_BusinessPartner", "1000209") == 1


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (PARTNER, {"BusinessPartnerCategory": "2"}, 400),
        (PARTNER, {"OrganizationBPName1": "x"}, 400),
        (PARTNER, {**WHOLE, "Nothing": 1}, 400),
        (PARTNER, {**WHOLE, "SearchTerm1": "x" * 21}, 400),
        (PARTNER, {**WHOLE, "BusinessPartnerIsBlocked": "yes"}, 400),
        (PARTNER, {**WHOLE, "OrganizationFoundationDate": "yesterday"}, 400),
        (PARTNER, {**WHOLE, "BusinessPartner": "1000001"}, 400),
        (PARTNER, {**WHOLE, "to_BusinessPartnerAddress": [{"Country": "QQ"}]}, 400),
        (f"{PARTNER}('1000001')/to_BusinessPartnerTax", {"BPTaxNumber": "1"}, 400),
        (
            "API_BUSINESS_PARTNER/A_BusinessPartnerTaxNumber",
            {"BusinessPartner": "9", "BPTaxType": "DE0"},
            400,
        ),
        ("API_BUSINESS_PARTNER/A_Supplier", {"Supplier": "1"}, 405),
    ],
)
def test_a_bad_create_changes_nothing(
    s4: Simulator, client: Client, path: str, body: Any, status: int
) -> None:
    before = len(s4.rows("A_BusinessPartner"))
    assert client.change("POST", path, body).status_code == status
    assert len(s4.rows("A_BusinessPartner")) == before
    assert s4.log.count("create") == 0


@pytest.mark.parametrize("method", ["MERGE", "PATCH"])
def test_a_change_needs_the_current_etag(s4: Simulator, client: Client, method: str) -> None:
    path, body = f"{PARTNER}('1000001')", {"SearchTerm2": "NEW"}
    tag = client.read(path)["__metadata"]["etag"]
    assert client.change(method, path, body).status_code == 428
    assert client.change(method, path, body, If_Match="W/\"'0'\"").status_code == 412
    changed = client.change(method, path, body, If_Match=tag)
    assert (changed.status_code, changed.content) == (204, b"")
    row = client.read(path)
    assert row["SearchTerm2"] == "NEW"
    assert row["__metadata"]["etag"] == changed.headers["ETag"] != tag
    assert client.change(method, path, body, If_Match=tag).status_code == 412
    assert s4.log.count("update", "A_BusinessPartner", "1000001") == 1


def test_a_tunnelled_merge_is_a_merge_and_put_replaces(client: Client) -> None:
    path = f"{PRODUCT}('MD-00001')"
    client.token("API_PRODUCT_SRV")
    done = client.change("POST", path, {"Division": "07"}, X_HTTP_Method="MERGE", If_Match="*")
    assert done.status_code == 204
    assert client.read(path)["ProductGroup"] != ""
    assert client.change("PUT", path, {"Division": "08"}, If_Match="*").status_code == 204
    row = client.read(path)
    assert (row["Division"], row["ProductGroup"], row["Product"]) == ("08", "", "MD-00001")


def test_deletes_are_allowed_where_the_vendor_allows_them(client: Client) -> None:
    center = client.read(CENTER, top=1)["results"][0]
    path = center["__metadata"]["uri"].removeprefix(client.root)
    assert client.change("DELETE", path).status_code == 428
    assert client.change("DELETE", path, If_Match="*").status_code == 204
    assert client.fails(path) == 404
    assert client.change("DELETE", f"{PARTNER}('1000001')", If_Match="*").status_code == 405


def test_a_change_by_a_user_is_found_by_its_date(s4: Simulator, client: Client) -> None:
    before = client.read(f"{PRODUCT}('MD-00005')")["LastChangeDateTime"]
    s4.change("A_Product", {"Product": "MD-00005", "Division": "09"})
    after = client.read(f"{PRODUCT}('MD-00005')")["LastChangeDateTime"]
    assert int(after[6:-7]) > int(before[6:-7])
    s4.change(
        "A_BusinessPartnerAddress", {"BusinessPartner": "1000090", "AddressID": "20090", "CityName": "Ulm"}
    )
    now = client.read(f"{PARTNER}('1000090')")["LastChangeDate"]
    changed = client.read(PARTNER, filter="LastChangeDate gt datetime'2026-02-01T00:00:00'")["results"]
    assert [(each["BusinessPartner"], each["LastChangeDate"]) for each in changed] == [("1000090", now)]


def test_a_source_can_lie_about_what_it_has(s4: Simulator, client: Client) -> None:
    s4.faults.set("empty")
    assert client.read(PRODUCT, inlinecount="allpages") == {"results": [], "__count": "0"}
    first = client.read(PRODUCT)
    s4.faults.set("repeat")
    again = client.read(first["__next"])
    assert again["results"] == first["results"]
    assert again["__next"] == first["__next"]
    s4.faults.set("skip")
    assert client.read(first["__next"])["results"][0]["Product"] == "MD-00101"
    s4.faults.set("expire")
    assert client.get(first["__next"], timeout=5).status_code == 410
    assert client.read(first["__next"])["results"][0]["Product"] == "MD-00051"


def test_a_field_that_drifted_is_gone_everywhere(s4: Simulator, client: Client) -> None:
    s4.faults.set("drift=ProductGroup:MaterialGroup")
    row = client.read(f"{PRODUCT}('MD-00001')")
    assert "ProductGroup" not in row
    assert row["MaterialGroup"].startswith("MD-")
    assert client.fails(PRODUCT, select="ProductGroup") == 400
    assert "MaterialGroup" in client.get(client.root + "API_PRODUCT_SRV/$metadata", timeout=5).text
    s4.faults.clear()
    s4.faults.set("drift=Division:")
    assert "Division" not in client.read(f"{PRODUCT}('MD-00001')")


def test_a_wrong_clock_stamps_the_future(s4: Simulator, client: Client) -> None:
    s4.faults.set("skew=864000")
    client.change("POST", PARTNER, WHOLE)
    s4.faults.clear()
    client.change("POST", PARTNER, WHOLE)
    first, second = (client.read(f"{PARTNER}('{key}')")["CreationDate"] for key in (1000209, 1000210))
    assert int(first[6:-2]) - int(second[6:-2]) >= 9 * 86_400_000


def test_the_date_of_the_last_change_is_empty_until_the_first(client: Client) -> None:
    made = client.change("POST", PARTNER, WHOLE).json()["d"]
    assert made["CreationDate"] is not None
    assert (made["LastChangeDate"], made["LastChangedByUser"]) == (None, "")
    client.change("MERGE", f"{PARTNER}('1000209')", {"SearchTerm2": "X"}, If_Match="*")
    changed = client.read(f"{PARTNER}('1000209')")
    assert (changed["LastChangeDate"], changed["LastChangedByUser"]) == (made["CreationDate"], "HUB")
    never = client.read(PARTNER, filter="LastChangeDate eq null and BusinessPartnerCategory eq '2'")
    assert len(never["results"]) == 12
