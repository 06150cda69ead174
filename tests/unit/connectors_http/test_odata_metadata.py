"""Service metadata: every public document loads, or is refused with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.odata import SPEC
from connectors.odata.declared import ODataResource
from connectors.odata.edmx import Metadata, parse_edmx
from connectors.odata.service import describe
from hub.contract import Context, Field
from hub.errors import ConfigError

REFUSED = {
    "cloud-sdk_faulty.edmx": "A_TestComplexTypeMISTAKE",
    "cloud-sdk_MULTIPLE_SCHEMAS.v4.edmx": "prefix sap for content-version on EntityType is not",
    "pyodata_metadata.v2.xml": "property CountryOfOrigin of EXAMPLE_SRV.EnumTest has type 'Country'",
}


def schema(inner: bytes) -> bytes:
    return b'<Edmx><Schema Namespace="n">' + inner + b"</Schema></Edmx>"


def load(fixtures: Path, name: str) -> Metadata:
    return parse_edmx((fixtures / "odata" / name).read_bytes(), name)


@pytest.mark.against("odata", "metadata of SAP, SuccessFactors and Microsoft", "recording")
def test_every_public_document_loads_or_is_refused_with_its_reason(fixtures: Path):
    documents = [
        one
        for one in sorted((fixtures / "odata").rglob("*"))
        if one.is_file() and b"edmx:Edmx" in one.read_bytes()
    ]
    assert len(documents) >= 15
    for document in documents:
        if document.name in REFUSED:
            with pytest.raises(ConfigError, match=REFUSED[document.name].replace("(", "\\(")) as caught:
                parse_edmx(document.read_bytes(), document.name)
            assert caught.value.where == document.name
        else:
            metadata = parse_edmx(document.read_bytes())
            assert metadata.sets
            for name in metadata.sets:
                assert metadata.fields(metadata.type_of(name))


def named(fields: tuple[Field, ...]) -> dict[str, Field]:
    return {one.name: one for one in fields}


def test_v2_associations_give_navigations_with_their_types(fixtures: Path):
    metadata = load(fixtures, "sap/API_BUSINESS_PARTNER.v2.edmx")
    partner = metadata.type_of("A_BusinessPartner")
    fields = named(metadata.fields(partner))
    assert (metadata.version, partner.key) == (2, ("BusinessPartner",))
    assert (fields["BusinessPartner"].max_length, fields["BusinessPartner"].title) == (10, "Business Partner")
    assert fields["CreationDate"].type == "date"
    assert fields["CreationTime"].type == "time"
    address = fields["to_BusinessPartnerAddress"]
    assert address.many
    assert named(named(address.fields)["to_EmailAddress"].fields)["EmailAddress"].type == "text"


def test_v4_types_inherit_and_enumerations_are_texts(fixtures: Path):
    metadata = load(fixtures, "reference/TripPin.v4.edmx")
    person = named(metadata.fields(metadata.type_of("People")))
    assert metadata.version == 4
    assert (person["Gender"].type, person["Emails"].many, person["AddressInfo"].many) == ("text", True, True)
    assert named(person["AddressInfo"].fields)["City"].type == "json"


def test_composite_keys_keep_their_order(fixtures: Path):
    metadata = load(fixtures, "sap/COSTCENTER_0001.v4.edmx")
    key = metadata.type_of("A_CostCenter_2").key
    assert key == ("ControllingArea", "CostCenter", "ValidityEndDate")


def test_an_unknown_entity_set_is_answered_with_near_ones(fixtures: Path):
    metadata = load(fixtures, "sap/API_BUSINESS_PARTNER.v2.edmx")
    with pytest.raises(ConfigError) as caught:
        metadata.type_of("A_BusinesPartner")
    assert "A_BusinessPartner" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"<html/>", "metadata.xml"),
        (b"<Edmx/>", "metadata.type"),
        (b"<Edmx", "metadata.xml"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><Edmx/>', "metadata.xml"),
        (schema(b'<EntityContainer><EntitySet Name="S" EntityType="n.T"/></EntityContainer>'),
         "metadata.type"),
        (schema(b'<EntityType Name="A" BaseType="n.A"/>'), "metadata.type"),
    ],
)  # fmt: skip
def test_what_is_no_metadata_is_refused(text: bytes, code: str):
    with pytest.raises(ConfigError) as caught:
        parse_edmx(text)
    assert caught.value.code == code


def test_a_resource_is_described_offline_from_a_file(fixtures: Path):
    settings = SPEC.settings.model_validate(
        {"url": "https://s4.example.com/x", "metadata": "sap/API_BUSINESS_PARTNER.v2.edmx"}
    )
    context = Context("s4", folder=str(fixtures / "odata"))
    declared = SPEC.resource.model_validate({"cursor": "LastChangeDate"})
    described = SPEC.describe(context, settings, "A_BusinessPartner", declared)
    assert described is not None
    assert (described.key, described.cursor) == (("BusinessPartner",), "LastChangeDate")
    with pytest.raises(ConfigError, match="no property Nope"):
        SPEC.describe(
            context, settings, "A_BusinessPartner", SPEC.resource.model_validate({"cursor": "Nope"})
        )


CONTAINER = b"""<EntityType Name="T"><Key><PropertyRef Name="Id"/></Key>
<Property Name="Id" Type="Edm.String"/></EntityType>
<EntityContainer Name="C"><EntitySet Name="S" EntityType="n.T" %s</EntityContainer>"""
V4 = b"""<Annotation Term="Org.OData.Capabilities.V1.%sRestrictions"><Record><PropertyValue Property="%s" %s
</Record></Annotation>"""
OPEN, SHUT = b'Bool="true"/>', b"><Bool>false</Bool></PropertyValue>"


@pytest.mark.parametrize(
    ("inner", "refused", "writable"),
    [
        (CONTAINER % b"/>", set(), True),
        (CONTAINER % b'xmlns:sap="s" sap:creatable="true" sap:deletable="false"/>', {"delete"}, True),
        (CONTAINER % b'xmlns:sap="s" sap:creatable="false" sap:updatable="false"/>', {"create", "update"}, False),
        (CONTAINER % (b">" + V4 % (b"Delete", b"Deletable", SHUT) + b"</EntitySet>"), {"delete"}, True),
        (CONTAINER % (b">" + V4 % (b"Delete", b"Deletable", OPEN) + b"</EntitySet>"), set(), True),
        (
            CONTAINER % b"/>" + b'<Annotations Target="n.C/S">' + V4 % (b"Insert", b"Insertable", b'Bool="false"/>')
            + V4 % (b"Update", b"Updatable", SHUT) + b"</Annotations>",
            {"create", "update"}, False,
        ),
    ],
)  # fmt: skip
def test_metadata_say_what_a_set_does_not_take(inner: bytes, refused: set[str], writable: bool):
    described = describe(parse_edmx(schema(inner)), "S", ODataResource())
    assert (set(described.refuses), described.writable) == (refused, writable)


def test_a_public_service_says_that_partners_are_not_deleted(fixtures: Path):
    described = describe(load(fixtures, "sap/API_BUSINESS_PARTNER.v2.edmx"), "A_BusinessPartner", ODataResource())
    assert (set(described.refuses), described.writable) == ({"delete"}, True)


def test_without_metadata_only_the_declaration_is_described():
    settings = SPEC.settings.model_validate({"url": "https://s4.example.com/x"})
    assert SPEC.describe(Context("s4"), settings, "A", None) is None
    declared = SPEC.resource.model_validate({"key": "Id", "fields": {"Id": "text"}})
    described = SPEC.describe(Context("s4"), settings, "A", declared)
    assert described is not None
    assert described.fields == (Field("Id"),)
