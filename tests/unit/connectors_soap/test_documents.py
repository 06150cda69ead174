"""WSDLs and schemas: every public one loads, or is refused with its cause; what they import is guarded."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from connectors.soap import describe
from connectors.soap.declared import SoapResource, SoapSettings
from connectors.soap.documents import parsed
from connectors.soap.port import Port
from hub.contract import Context
from hub.errors import ConfigError
from tests.contract.soapweb import wsdl
from tests.unit.connectors_soap.opening import opened
from tests.unit.http.fake import Answer, Asked, fake

WHOLE = {
    "Dummy__should_handle_inline": None,  # the only one of its kind that is right
    "Dummy__": "name.xsd: the WSDL cannot be used: The namespace defined on the xsd:import doesn't match the imported",
    "addPets__": "No namespace defined for 'xs' ('xs:string')",
    "attachments__": "prefix xmime for expectedContentTypes on element is not",
    "login__attributes_in_request": "it imports platform/platform.coreTypes.xsd, which is not there",
    "login__complex": "soap.platform.core.xsd: the XML cannot be read: Namespace prefix xs on complexType is not",
    "readMetadata__": "No definition '{http://soap.sforce.com/2006/04/metadata}Header' in 'messages' found",
    "update__": "it imports platform/platform.coreTypes.xsd, which is not there",
    "sap/ORDERS05_idoc.wsdl": "the WSDL declares no service, only types",
    "wasabi/inherited.wsdl": "the WSDL declares no service, only types",
    "zeep/hello_world_recursive_import.wsdl": "the WSDL declares no service, only types",
    "zeep/soap_import_2.wsdl": "declares no service, only the port types StockQuotePortType",
    "zeep/http.wsdl": "the WSDL has no SOAP port over HTTP",
    "zeep/test_http_post.wsdl": "the WSDL has no SOAP port over HTTP",
}
"""Public WSDLs that are refused, by how their names begin, and what is said of them."""
MISSING = "which is not there"
PARTS = {
    "/common.xsd": None, "Dummy__should_handle_inline": None,
    "Dummy__": "doesn't match the imported targetNamespace located at 'common.xsd'",
    "login__complex_schema_xmlns_with_array_and_any_type_and_other_types/soap.platform.core.xsd": "prefix xs on",
    "login__": MISSING, "update__": MISSING,
}  # fmt: skip
"""The same of schemas."""
WRAPPING = """<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" targetNamespace="urn:w"><types>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:w">
<xs:import namespace="{0}" schemaLocation="{1}"/>{2}</xs:schema></types></definitions>"""


def expected(name: str, table: dict[str, str | None]) -> str | None:
    return next((words for start, words in table.items() if name.startswith(start) or name.endswith(start)), None)


@pytest.mark.against("soap", "WSDLs of SAP and others", "recording")
def test_every_public_wsdl_loads_or_is_refused_with_its_cause(fixtures: Path) -> None:
    documents = sorted(path for folder in ("soap", "peers") for path in (fixtures / folder).rglob("*.wsdl"))
    assert len(documents) >= 50
    for path in documents:
        name = f"{path.parent.name}/{path.name}"
        words = expected(name, WHOLE)
        if words is not None:
            with pytest.raises(ConfigError, match=re.escape(words)) as caught:
                Port(parsed(path.name, str(path.parent), {}, None))
            assert caught.value.code.startswith("wsdl.")
            assert caught.value.hint
            continue
        found = Port(parsed(path.name, str(path.parent), {}, None))
        for operation in found.operations:  # every answer can be described
            shape = found.answer(operation)
            assert shape is None or isinstance(shape.fields(), tuple)


def test_every_public_schema_loads_or_is_refused_with_its_cause(fixtures: Path, tmp_path: Path) -> None:
    schemas = sorted(path for folder in ("soap", "idoc", "peers") for path in (fixtures / folder).rglob("*.xsd"))
    assert len(schemas) >= 25
    for number, path in enumerate(schemas):
        folder = tmp_path / str(number)
        shutil.copytree(path.parent, folder)
        space = path.read_text("utf-8-sig").partition("targetNamespace=")[2][1:].partition('"')[0]
        wrapping = WRAPPING.format(space, path.name, "").replace('namespace="" ', "")
        (folder / "wrapping.wsdl").write_text(wrapping)
        words = expected(f"{path.parent.name}/{path.name}", PARTS)
        if words is not None:
            with pytest.raises(ConfigError, match=re.escape(words)):
                parsed("wrapping.wsdl", str(folder), {}, None)
        else:
            document = parsed("wrapping.wsdl", str(folder), {}, None).document
            assert list(document.types.elements) or list(document.types.types) or "recursive" in path.name


# ------------------------------------------------------------ what documents may reach


NOWHERE = "http://127.0.0.1:1"
IMPORTING = b'<xs:schema><xs:import namespace="urn:x" schemaLocation="LOCATION"/></xs:schema></types>'


def refused(folder: Path, text: str, **settings: Any) -> ConfigError:
    (folder / "w.wsdl").write_text(text)
    with pytest.raises(ConfigError) as caught:
        opened(NOWHERE, {}, folder, wsdl="w.wsdl", **settings).resource("people")
    return caught.value


@pytest.mark.parametrize(
    "location",
    ["http://example.com/x.xsd", "https://127.0.0.1/x.xsd", "ftp://example.com/x.xsd", "gopher:x.xsd"],
)
def test_a_file_reaches_nothing_outside_of_the_workspace(location: str, tmp_path: Path) -> None:
    error = refused(tmp_path, WRAPPING.format("urn:x", location, ""))
    assert error.code == "wsdl.import"
    assert location.partition(":")[2].strip("/") in error.message
    assert "imports:" in error.hint or "config/" in error.hint


@pytest.mark.parametrize("location", ["../secret.xsd", "/etc/passwd", "file:///etc/passwd", "..%2Fsecret.xsd"])
def test_no_file_above_config_is_opened(location: str, tmp_path: Path) -> None:
    (tmp_path / "secret.xsd").write_text('<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"/>')
    config = tmp_path / "config"
    config.mkdir()
    error = refused(config, WRAPPING.format("urn:x", location, ""))
    assert (error.code, error.where) == ("wsdl.import", "w.wsdl")


def test_a_link_out_of_config_is_not_followed(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (tmp_path / "secret.xsd").write_text('<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"/>')
    (config / "link.xsd").symlink_to(tmp_path / "secret.xsd")
    assert refused(config, WRAPPING.format("urn:x", "link.xsd", "")).code == "wsdl.import"


@pytest.mark.parametrize("location", ["file:///x.xsd", "http://127.0.0.1:1/x.xsd"])
def test_a_wsdl_from_the_net_reaches_no_file_and_no_other_host(location: str, tmp_path: Path) -> None:
    (tmp_path / "x.xsd").write_text('<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"/>')
    answer = Answer(200, WRAPPING.format("urn:x", location, "").encode())
    with fake(lambda asked: answer) as server, pytest.raises(ConfigError) as caught:
        opened(server.url, {}, tmp_path, wsdl=f"{server.url}/s?wsdl").resource("people")
    assert (caught.value.code, len(server.asked)) == ("wsdl.import", 1)


def test_a_wsdl_from_the_net_may_import_from_its_own_host(tmp_path: Path) -> None:
    inner = wsdl().replace(b"</types>", IMPORTING.replace(b"LOCATION", b"x.xsd"))
    schema = b'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:x"/>'

    def reply(asked: Asked) -> Answer:
        return Answer(200, schema if asked.path.endswith("x.xsd") else inner, {"Content-Type": "text/xml"})

    with fake(reply) as server:
        assert opened(f"{server.url}/s", {}).resource("people").key == ("code",)
        assert [asked.target for asked in server.asked] == ["/s?wsdl", "/x.xsd"]
        opened(f"{server.url}/s", {}).resource("people")  # kept for the process
        assert len(server.asked) == 2


def test_an_import_is_replaced_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "types.xsd").write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:x"/>'
    )
    text = wsdl().replace(b"</types>", IMPORTING.replace(b"LOCATION", b"http://x.example/t"))
    (tmp_path / "w.wsdl").write_bytes(text)
    given = {"http://x.example/t": "types.xsd"}
    assert opened(NOWHERE, {}, tmp_path, wsdl="w.wsdl", imports=given).resource("people").fields
    assert refused(tmp_path, text.decode(), imports={"http://x.example/t": "none.xsd"}).code == "wsdl.file"


BOMB = b'<!DOCTYPE b [<!ENTITY a "xxxxxxxxxx"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (BOMB + b"<definitions>&b;</definitions>", "wsdl.xml"),
        (b'<!DOCTYPE d SYSTEM "http://127.0.0.1:1/d">' + wsdl(), "wsdl.xml"),
        (b"<definitions>", "wsdl.xml"),
        (b"", "wsdl.xml"),
        (b"\xff\xfe\x00", "wsdl.xml"),
        (b'<schema xmlns="http://www.w3.org/2001/XMLSchema"/>', "wsdl.kind"),
        (b'<description xmlns="http://www.w3.org/ns/wsdl"/>', "wsdl.kind"),
        (b"<html><body>log in</body></html>", "wsdl.kind"),
        (b'<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"/>', "wsdl.service"),
        (wsdl().replace(b'type="t:Person"', b'type="t:Nobody"'), "wsdl.unreadable"),
        (wsdl().replace(b'binding="t:B"', b'binding="t:None"'), "wsdl.port"),
        (wsdl().replace(b"schemas.xmlsoap.org/soap/http", b"schemas.xmlsoap.org/soap/smtp"), "wsdl.port"),
        (wsdl().replace(b'element="t:GetPeople"', b'element="t:Other"'), "soap.operation"),
    ],
)
def test_a_faulty_wsdl_is_refused_with_its_cause(text: bytes, code: str, tmp_path: Path) -> None:
    (tmp_path / "w.wsdl").write_bytes(text)
    with pytest.raises(ConfigError) as caught:
        opened(NOWHERE, {}, tmp_path, wsdl="w.wsdl").resource("people")
    assert caught.value.code == code, caught.value
    assert len(caught.value.message) > 25


def test_a_wsdl_that_changes_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "w.wsdl"
    path.write_bytes(wsdl())
    before = opened(NOWHERE, {}, tmp_path, wsdl="w.wsdl").resource("people")
    path.write_bytes(wsdl().replace(b'name="amount"', b'name="amount_paid"'))
    after = opened(NOWHERE, {}, tmp_path, wsdl="w.wsdl").resource("people")
    assert [one.name for one in before.fields] == ["code", "name", "amount", "at", "version"]
    assert [one.name for one in after.fields] == ["code", "name", "amount_paid", "at", "version"]


def test_a_wsdl_file_describes_without_connecting(tmp_path: Path) -> None:
    (tmp_path / "w.wsdl").write_bytes(wsdl())
    settings = SoapSettings.model_validate({"url": NOWHERE, "wsdl": "w.wsdl"})
    declared = SoapResource.model_validate({"operation": "GetPeople", "key": "code", "fields": {"at": "date"}})
    found = describe(Context("x", str(tmp_path)), settings, "people", declared)
    assert found is not None
    kinds = {one.name: one.type for one in found.fields}
    assert kinds == {"code": "text", "name": "text", "amount": "decimal", "at": "date", "version": "text"}


def test_what_the_wsdl_does_not_have_is_named(tmp_path: Path) -> None:
    cases = [
        ({"operation": "GetPeeple"}, "did you mean GetPeople"),
        ({"records": "persons"}, "there are total, person"),
        ({"operation": "DeletePerson"}, "say by records:"),
        ({"key": "kode"}, "they have code, name"),
    ]
    for resource, words in cases:
        with pytest.raises(ConfigError) as caught:
            opened(NOWHERE, resource, tmp_path).resource("people")
        assert words in caught.value.hint, caught.value
