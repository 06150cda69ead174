"""Reading OData services: recorded payloads of others, and services that page in their own ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors.odata import SPEC
from hub.contract import Context, Page, Query
from hub.errors import ConfigError, HubError
from tests.faults.matrix import row
from tests.unit.http.fake import Answer, Asked, Fake, as_json, fake, lines

V2 = b"""<Edmx Version="1.0"><DataServices>
<Schema Namespace="s" xmlns:sap="http://www.sap.com/Protocols/SAPData">
<EntityType Name="Room"><Key><PropertyRef Name="Id"/></Key><Property Name="Id" Type="Edm.String"/>
<Property Name="Name" Type="Edm.String"/><Property Name="Seats" Type="Edm.Int32"/>
<Property Name="At" Type="Edm.DateTimeOffset"/><Property Name="Made" Type="Edm.DateTime"/>
<NavigationProperty Name="to_Beds" Relationship="s.beds" ToRole="bed"/></EntityType>
<EntityType Name="Bed"><Key><PropertyRef Name="No"/></Key><Property Name="No" Type="Edm.Int32"/>
<Property Name="Since" Type="Edm.DateTime" sap:display-format="Date"/></EntityType>
<Association Name="beds"><End Type="s.Room" Role="room" Multiplicity="1"/>
<End Type="s.Bed" Role="bed" Multiplicity="*"/></Association>
<EntityContainer><EntitySet Name="Rooms" EntityType="s.Room"/></EntityContainer>
</Schema></DataServices></Edmx>"""
V4 = V2.replace(b'Version="1.0"', b'Version="4.0"').replace(
    b'Relationship="s.beds" ToRole="bed"', b'Type="Collection(s.Bed)"'
)
ROOMS = [{"Id": str(n), "Name": f"Room {n}"} for n in range(1, 8)]


class Service:
    """Answers $metadata by itself and everything else as told."""

    def __init__(self, edmx: bytes, reply: Callable[[Asked], Answer]) -> None:
        self.edmx, self.reply = edmx, reply

    def __call__(self, asked: Asked) -> Answer:
        if asked.path.endswith("$metadata"):
            return Answer(200, self.edmx, {"Content-Type": "application/xml"})
        return self.reply(asked)


def source(url: str, resource: dict[str, Any] | None = None, **settings: Any) -> Any:
    made = SPEC.settings.model_validate({"url": f"{url}/srv/x", "limits": {"retries": 0}, **settings})
    return SPEC.open(Context("test-" + url), made, {"Rooms": SPEC.resource.model_validate(resource or {})})


def read(
    server: Fake, resource: dict[str, Any] | None = None, settings: dict[str, Any] | None = None, **query: Any
) -> list[Page]:
    opened = source(server.url, resource, **(settings or {}))
    pages = list(opened.read(Query(opened.resource("Rooms"), **query)))
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    return pages


def records(pages: list[Page]) -> list[Any]:
    return lines(pages)


def serving(edmx: bytes, *answers: Any) -> Any:
    left: Iterator[Any] = iter(answers)
    service = Service(edmx, lambda asked: made if isinstance(made := next(left), Answer) else as_json(made))
    return fake(service)


def data(server: Fake) -> list[Asked]:
    return [asked for asked in server.asked if not asked.path.endswith("$metadata")]


def test_v2_pages_follow_next_links_on_our_own_host():
    first = {
        "d": {"results": ROOMS[:4], "__count": "7", "__next": "http://localhost:1/srv/x/Rooms?$skiptoken=4"}
    }
    with serving(V2, first, {"d": {"results": ROOMS[4:]}}) as server:
        pages = read(server, settings={"sap_client": 100})
    assert records(pages) == ROOMS
    assert [page.announced for page in pages] == [7, 7]
    asked = data(server)
    assert asked[0].params == {
        "sap-client": "100", "$orderby": "Id", "$inlinecount": "allpages", "$top": "1000",
    }  # fmt: skip
    assert asked[1].target == "/srv/x/Rooms?$skiptoken=4&sap-client=100"


def test_v4_pages_follow_relative_links_and_records_stay_as_written():
    first = Answer(200, b'{"value": [{"Id": "1", "Seats": 1.50}], "@odata.nextLink": "Rooms?$skiptoken=1"}')
    with serving(V4, first, {"value": [{"Id": "2"}]}) as server:
        pages = read(server)
    assert pages[0].records == b'{"Id": "1", "Seats": 1.50}'
    assert data(server)[1].target == "/srv/x/Rooms?$skiptoken=1"
    assert data(server)[0].headers["prefer"] == "odata.maxpagesize=1000"


def test_v2_wrappings_come_off_and_times_become_iso():
    room = {
        "__metadata": {"uri": "x", "etag": "1"}, "Id": "1",
        "At": "/Date(0+0000)/", "Made": "/Date(0)/", "Name": "/Date(0)/",
        "to_Beds": {"results": [{"__metadata": {}, "No": 1, "Since": "/Date(86400000)/"}]},
        "to_Door": {"__deferred": {"uri": "y"}},
    }  # fmt: skip
    with serving(V2, {"d": {"results": [room], "__count": "1"}}) as server:
        (record,) = records(read(server, fields=("At", "to_Beds.Since")))
    assert record == {
        "Id": "1", "At": "1970-01-01T00:00:00Z", "Made": "1970-01-01T00:00:00", "Name": "/Date(0)/",
        "to_Beds": [{"No": 1, "Since": "1970-01-02"}],
    }  # fmt: skip
    params = data(server)[0].params
    assert (params["$select"], params["$expand"]) == ("At,Id,to_Beds/Since", "to_Beds")


@pytest.mark.parametrize("body", [{"d": ROOMS}, {"results": ROOMS}, {"d": {"results": ROOMS}}])
def test_every_v2_shape_of_a_list_is_understood(body: Any):
    with serving(V2, body) as server:
        assert records(read(server, {"count": False}, {"page_size": None})) == ROOMS


def test_v4_selects_within_expansions():
    with serving(V4, {"value": []}) as server:
        read(server, fields=("Name", "to_Beds.No", "to_Beds.Since"))
    params = data(server)[0].params
    assert (params["$select"], params["$expand"]) == ("Name,Id", "to_Beds($select=No,Since)")


def test_a_cut_expansion_is_read_to_its_end():
    bed = {"results": [{"No": 1}], "__next": "Rooms('1')/to_Beds?$skiptoken=1"}
    rest = {"d": {"results": [{"No": 2}]}}
    with serving(V2, {"d": {"results": [{"Id": "1", "to_Beds": bed}], "__count": "1"}}, rest) as server:
        (record,) = records(read(server, fields=("to_Beds",)))
    assert record["to_Beds"] == [{"No": 1}, {"No": 2}]


def test_a_cut_v4_expansion_is_read_to_its_end():
    room = {"Id": "1", "to_Beds": [{"No": 1}], "to_Beds@odata.nextLink": "Rooms('1')/to_Beds?$skip=1"}
    with serving(V4, {"value": [room]}, {"value": [{"No": 2}]}) as server:
        assert records(read(server)) == [{"Id": "1", "to_Beds": [{"No": 1}, {"No": 2}]}]


def paging_by_client(asked: Asked) -> Answer:
    skip, top = int(asked.params.get("$skip", 0)), int(asked.params["$top"])
    return as_json({"d": {"results": ROOMS[skip : skip + top], "__count": "7"}})


@pytest.mark.parametrize("resource", [{}, {"count": False}])
def test_v2_services_that_do_not_page_are_paged_by_the_hub(resource: dict[str, Any]):
    service = Service(V2, paging_by_client)
    with fake(service) as server:
        pages = read(server, resource, {"page_size": 3})
    assert records(pages) == ROOMS
    assert data(server)[1].params["$skip"] == "2"


@row(10, "records move between pages counted by the hub")
def test_records_that_move_between_client_pages_are_noticed():
    rooms = list(ROOMS)

    def reply(asked: Asked) -> Answer:
        answer = paging_by_client(asked)
        return (
            as_json({"d": {"results": rooms[int(asked.params.get("$skip", 0)) :][:3], "__count": "7"}})
            if rooms.pop(0)
            else answer
        )

    service = Service(V2, reply)
    with fake(service) as server, pytest.raises(HubError) as caught:
        read(server, None, {"page_size": 3})
    assert caught.value.code == "page.moved"


@row(40, "a page that is none (OData)")
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"d": {"results": ROOMS[:2], "__count": "7", "__next": "Rooms?$skiptoken=1"}}, "page.repeated"),
        ({"d": {"results": ROOMS[:2], "__next": "http://h/other/Rooms"}}, "address.forbidden"),
        ({"value": []}, "odata.shape"),
        ({"d": {"results": ["x"]}}, "odata.shape"),
        ([], "odata.shape"),
        (Answer(204), "http.empty"),
        (Answer(200, b'{"d": {"results": [{"Id": "1"}, {"I'), "page.cut"),
        (Answer(200, b"<html></html>", {"Content-Type": "text/html"}), "http.html"),
        (Answer(200, b"<feed/>", {"Content-Type": "application/atom+xml"}), "http.not_json"),
    ],
)  # fmt: skip
def test_a_bad_page_is_never_taken_for_the_end(answer: Any, code: str):
    with serving(V2, answer, answer, answer) as server, pytest.raises(HubError) as caught:
        read(server, settings={"page_size": None})
    assert caught.value.code == code


@row(34, "fewer than announced")
def test_fewer_records_than_announced_are_an_error():
    with serving(V4, {"value": ROOMS, "@odata.count": 9}) as server, pytest.raises(HubError) as caught:
        read(server)
    assert caught.value.code == "total.short"


@pytest.mark.parametrize(
    ("edmx", "expected"),
    [
        (V2, "(At ge datetimeoffset'2026-01-02T03:04:05Z' or Made ge datetime'2026-01-02T03:04:05')"),
        (V4, "(At ge 2026-01-02T03:04:05Z or Made ge datetime'2026-01-02T03:04:05')"),
    ],
)  # fmt: skip
def test_changes_and_conditions_are_asked_for_in_the_right_literals(edmx: bytes, expected: str):
    empty: Any = {"value": []} if edmx is V4 else {"d": {"results": [], "__count": "0"}}
    where = (("Seats", ">=", "3"), ("Name", "=", "O'N"), ("Name", "<", "x"), ("Seats", "=", "many"))
    with serving(edmx, empty) as server:
        read(server, {"cursor": "At", "created": "Made"}, since="2026-01-02T03:04:05Z", where=where)
    assert data(server)[0].params["$filter"] == expected + " and Seats ge 3 and Name eq 'O''N'"
    assert data(server)[0].params["$orderby"] == "At,Id"


@pytest.mark.against("odata", "payloads of Apache Olingo", "recording")
def test_v2_delta_links_and_deleted_entries(fixtures: Path):
    body = orjson.loads((fixtures / "odata/olingo2_payloads/JsonWithDeletedEntries.json").read_bytes())
    body["d"]["__delta"] = "http://elsewhere/srv/x/Rooms?!deltatoken=4711"
    with serving(V2, body, {"d": {"results": []}}) as server:
        (page,) = read(server, {"delta": True, "count": False})
        assert (page.count, page.deleted, page.token) == (1, ("3", "4"), "Rooms?!deltatoken=4711")
        read(server, {"delta": True}, token=page.token)
    assert data(server)[1].target == "/srv/x/Rooms?!deltatoken=4711"


def test_v4_deltas_report_deletions_in_both_notations():
    body = {
        "value": [{"Id": "1"}, {"@removed": {"reason": "deleted"}, "Id": "2"}, {"@removed": {}, "@id": "http://h/srv/x/Rooms('3')"},
                  {"@odata.context": "$metadata#Rooms/$deletedEntity", "id": "Rooms('4')"}],
        "@odata.deltaLink": "Rooms?$deltatoken=1",
    }  # fmt: skip
    with serving(V4, body) as server:
        (page,) = read(server, {"delta": True}, token="Rooms?$deltatoken=0")
    assert (page.count, page.deleted, page.token) == (1, ("2", "3", "4"), "Rooms?$deltatoken=1")


@row(9, "a delta link that ran out")
def test_a_delta_link_that_has_run_out_says_so():
    with serving(V4, Answer(410)) as server, pytest.raises(HubError) as caught:
        read(server, {"delta": True}, token="Rooms?$deltatoken=0")
    assert caught.value.code == "token.expired"


def test_an_unknown_field_is_refused_before_anything_is_read():
    with serving(V4) as server, pytest.raises(ConfigError, match="no property Nam"):
        read(server, fields=("Nam",))


def test_recorded_successfactors_records_read_with_their_own_metadata(fixtures: Path):
    folder = fixtures / "odata/successfactors"
    with serving(
        (folder / "successfactors-metadata2.xml").read_bytes(),
        Answer(200, (folder / "successfactors-data.json").read_bytes()),
    ) as server:
        made = SPEC.settings.model_validate({"url": f"{server.url}/odata/v2", "page_size": None})
        opened = SPEC.open(Context("sf"), made, {})
        (page,) = opened.read(Query(opened.resource("Background_SpecialAssign")))
    first = lines([page])[0]
    assert first["lastModifiedDate"] == "2021-04-19T01:35:44Z"
    assert first["endDate"] == "2020-03-02"


def test_a_list_named_beside_its_own_fields_is_needed_for_these_only():
    with serving(V4, {"value": []}) as server:
        read(server, fields=("to_Beds", "to_Beds.No", "Name"))
    assert data(server)[0].params["$expand"] == "to_Beds($select=No)"
