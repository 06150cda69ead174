"""Addresses that came out of data are distrusted; the connection goes where the check looked."""

from __future__ import annotations

from typing import Any

import pytest

from hub.errors import ConfigError, Fatal, HubError
from hub.http import HttpSettings, Transport
from hub.http.addresses import Addresses, Origin, require_public
from tests.unit.http.fake import as_json, fake

HOME = "https://s4.example.com/odata"


def addresses(*hosts: str, url: str = HOME) -> Addresses:
    return Addresses(HttpSettings(url=url, hosts=list(hosts)))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://s4.example.com/x", "file:///etc/passwd", "gopher://s4.example.com", "//s4.example.com/x",
        "javascript:1",
        "https://s4.example.com@evil.example/", "https://user:pw@s4.example.com/", "https://s4.example.com\\@evil.example/",
        "https://s4.example.com/\r\nHost: evil", "https:///x", "https://s4.example.com:0/", "https://[::1", "https://a:99999/",
        "http://169.254.169.254/latest/", "https://s4.example.com.evil.example/", "https://evil.example/s4.example.com",
        "http://s4.example.com/x", "https://s4.example.com:8443/", "https://127.0.0.1/", "https://2130706433/",
    ],
)  # fmt: skip
def test_an_address_outside_the_allow_list_is_refused(url: str):
    with pytest.raises(Fatal) as caught:
        addresses().judge(Origin.of(url))
    assert caught.value.code == "address.forbidden"


@pytest.mark.parametrize(
    ("hosts", "url", "configured"),
    [
        ([], "https://s4.example.com/other", True),
        ([], "https://S4.EXAMPLE.COM:443/x", True),
        (["files.example.com"], "https://files.example.com/a", True),
        (["files.example.com:8443"], "https://files.example.com:8443/a", True),
        (["*.example.com"], "https://cdn.example.com/a", False),
        (["*"], "https://anything.example/a", False),
    ],
)
def test_an_allowed_host_is_configured_by_name_or_must_be_public(
    hosts: list[str], url: str, configured: bool
):
    assert addresses(*hosts).judge(Origin.of(url)) is configured


@pytest.mark.parametrize(
    "url", ["https://example.com/", "https://evilexample.com/", "https://a.example.com:22/"]
)
def test_a_pattern_covers_subdomains_at_the_usual_ports_only(url: str):
    with pytest.raises(Fatal):
        addresses("*.example.com").judge(Origin.of(url))


@pytest.mark.parametrize("entry", ["https://x.example", "x.example/path", "x.example:port", ""])
def test_an_entry_that_is_no_host_is_a_finding(entry: str):
    with pytest.raises(ConfigError):
        addresses(entry)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1",
    ],
)  # fmt: skip
def test_private_addresses_in_every_notation_are_not_public(address: str):
    with pytest.raises(Fatal):
        require_public(address, "host.example")


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111"])
def test_public_addresses_are(address: str):
    require_public(address, "host.example")


def learned(url: str, link: str, found: list[str], **settings: Any) -> HubError:
    made = HttpSettings.model_validate({"url": url, "limits": {"retries": 0, "timeout": "2s"}, **settings})
    with pytest.raises(HubError) as caught:
        Transport(made, "learned" + link, resolve=lambda host, port: found).request("GET", link, learned=True)
    return caught.value


def test_one_private_address_among_public_ones_is_enough_to_refuse():
    error = learned(
        HOME, "https://cdn.example.com/a", ["93.184.216.34", "169.254.169.254"], hosts=["*.example.com"]
    )
    assert error.code == "address.forbidden"
    assert "169.254.169.254" in error.message


def test_the_proxy_is_not_asked_for_private_addresses():
    with fake(lambda asked: as_json(1)) as proxy:
        error = learned(HOME, "http://cdn.example.com/a", ["10.0.0.1"], hosts=["*"], proxy=proxy.url)
    assert error.code == "address.forbidden"
    assert proxy.asked == []


def test_the_name_is_resolved_once_and_the_connection_goes_there():
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["203.0.113.1"]

    with fake(lambda asked: as_json(1)) as server:
        port = server.url.rpartition(":")[2]
        settings = HttpSettings(url=f"http://s4.example.com:{port}")
        assert Transport(settings, "pinned", resolve=resolve).request("GET", "/x").json() == 1
    assert server.asked[0].headers["host"] == f"s4.example.com:{port}"
    assert asked == ["s4.example.com"]


def test_an_address_of_another_host_gets_no_credentials():
    with fake(lambda asked: as_json(1)) as other, fake(lambda asked: as_json(2)) as server:
        host = other.url.removeprefix("http://")
        settings = HttpSettings.model_validate(
            {
                "url": server.url,
                "hosts": [host],
                "headers": {"X-Tenant": "1"},
                "auth": {"api_key": {"header": "X-Key", "value": "s3cret"}},
            }
        )
        api = Transport(settings, "two hosts")
        assert api.request("GET", other.url + "/file", learned=True).json() == 1
        assert api.request("GET", server.url + "/next", learned=True).json() == 2
    assert {"x-key", "x-tenant"} & set(other.asked[0].headers) == set()
    assert server.asked[0].headers["x-key"] == "s3cret"
