"""N workers from a paged SOAP operation: our connector, and zeep building its objects, from one service.

The service is a process of its own that answers with pages made beforehand (17 fields, a nested address, a
list), so that what is timed is the client: request, HTTP, XML, records. Both read all pages, one after the
other; ours gives NDJSON, zeep its objects.
"""

from __future__ import annotations

import argparse
import importlib
import json
import socket
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench.inbound import say
from connectors.soap import SPEC
from hub.contract import Context, Query

SPACE = "urn:bench:workers"
PAGE = 1000
FIELDS = {
    "Worker_ID": "string", "First_Name": "string", "Last_Name": "string", "Email": "string", "Phone": "string",
    "Organization": "string", "Title": "string", "Hire_Date": "date", "Active": "boolean", "Salary": "decimal",
    "Currency": "string", "FTE": "double", "Level": "int", "Manager_ID": "string", "Changed": "dateTime",
}  # fmt: skip


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--client", choices=["ours", "zeep"], help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    if arguments.serve is not None:
        serve(arguments.serve, arguments.rows)
    elif arguments.client:
        reader = ours if arguments.client == "ours" else plain_zeep
        started, used = time.perf_counter(), time.process_time()
        count, size = reader(arguments.url)
        seconds, cpu = time.perf_counter() - started, time.process_time() - used
        print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "count": count, "bytes": size}))
    else:
        result = measure(arguments.rows)
        if arguments.json:
            print(json.dumps(result))
    return 0


def measure(rows: int) -> dict[str, Any]:
    """Best of two of each client, every time in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "bench", "soap", "--serve", str(port), "--rows", str(rows)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        say(f"{rows:,} workers, {server.stdout.readline().strip()}")
        result: dict[str, Any] = {"rows": rows}
        for client in ("ours", "zeep"):
            best = min((_client(client, port, rows) for _ in range(2)), key=lambda one: one["seconds"])
            rate = rows / best["seconds"]
            say(f"{client:6s} {best['seconds']:8.2f} s {rate:12,.0f} records/s, {best['cpu_seconds']:.2f} CPU-s")
            result[client] = best
        result["to_zeep"] = result["zeep"]["seconds"] / result["ours"]["seconds"]
        result["cpu_to_zeep"] = result["zeep"]["cpu_seconds"] / result["ours"]["cpu_seconds"]
        say(f"ours / zeep {result['to_zeep']:.1f}, by CPU time {result['cpu_to_zeep']:.1f}")
        return result
    finally:
        server.terminate()
        server.wait()


def _client(client: str, port: int, rows: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench", "soap", "--client", client, "--url", f"http://127.0.0.1:{port}/"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    assert told["count"] == rows, told
    return told


def ours(url: str) -> tuple[int, int]:
    """All records as NDJSON, through the connector as a run opens it."""
    paging = {"page": {"param": "Page", "size_param": "Count", "size": PAGE, "pages": "Total_Pages"}}
    declared = {"operation": "Get_Workers", "records": "Response_Data.Worker", "key": "Worker_ID", "paging": paging}
    resources = {"workers": SPEC.resource.model_validate(declared)}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "workers.wsdl").write_text(wsdl())
        settings = SPEC.settings.model_validate({"url": url, "wsdl": "workers.wsdl"})
        source = SPEC.open(Context("bench", folder), settings, resources)
        count = size = 0
        for page in source.read(Query(source.resource("workers"))):
            count, size = count + page.count, size + len(page.records)
        source.close()
    return count, size


def plain_zeep(url: str) -> tuple[int, int]:
    """All records as zeep's objects."""
    zeep: Any = importlib.import_module("zeep")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "workers.wsdl"
        path.write_text(wsdl())
        client = zeep.Client(str(path))
        service = client.create_service(f"{{{SPACE}}}Binding", url)
        page = count = 0
        pages = 1
        while page < pages:
            page += 1
            answer = service.Get_Workers(Page=page, Count=PAGE)
            pages = answer.Total_Pages
            count += len(answer.Response_Data.Worker)
    return count, 0


def wsdl() -> str:
    """Document literal, SOAP 1.1."""
    fields = "".join(f'<xs:element name="{name}" type="xs:{kind}"/>' for name, kind in FIELDS.items())
    text = '<xs:element name="{}" type="xs:string"/>'
    address = "".join(map(text.format, ("Street", "City", "Postal_Code")))
    return f"""<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:t="{SPACE}" targetNamespace="{SPACE}"
  xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"><types>
<xs:schema targetNamespace="{SPACE}" elementFormDefault="qualified">
<xs:complexType name="Worker"><xs:sequence>{fields}<xs:element name="Address" type="t:Address" minOccurs="0"/>
  <xs:element name="Skill" type="xs:string" minOccurs="0" maxOccurs="unbounded"/></xs:sequence></xs:complexType>
<xs:complexType name="Address"><xs:sequence>{address}</xs:sequence></xs:complexType>
<xs:element name="Get_Workers"><xs:complexType><xs:sequence><xs:element name="Page" type="xs:int"/>
  <xs:element name="Count" type="xs:int"/></xs:sequence></xs:complexType></xs:element>
<xs:element name="Get_WorkersResponse"><xs:complexType><xs:sequence>
  <xs:element name="Total_Pages" type="xs:int"/><xs:element name="Response_Data"><xs:complexType><xs:sequence>
  <xs:element name="Worker" type="t:Worker" minOccurs="0" maxOccurs="unbounded"/></xs:sequence></xs:complexType>
  </xs:element></xs:sequence></xs:complexType></xs:element></xs:schema></types>
<message name="In"><part name="p" element="t:Get_Workers"/></message>
<message name="Out"><part name="p" element="t:Get_WorkersResponse"/></message>
<portType name="Port"><operation name="Get_Workers"><input message="t:In"/><output message="t:Out"/></operation>
</portType><binding name="Binding" type="t:Port">
<soap:binding transport="http://schemas.xmlsoap.org/soap/http" style="document"/>
<operation name="Get_Workers"><soap:operation soapAction="Get_Workers"/><input><soap:body use="literal"/></input>
<output><soap:body use="literal"/></output></operation></binding>
<service name="Workers"><port name="Port" binding="t:Binding"><soap:address location="http://bench.invalid/"/>
</port></service></definitions>"""


def worker(n: int) -> str:
    values = (
        f"W{n:07d}", f"Given{n % 5000}", f"张伟{n % 7000}", f"user{n}@example.com", f"138{n % 10**8:08d}",
        f"D{n % 800}", f"Senior R&amp;D Engineer {n % 60}", f"20{n % 24:02d}-0{n % 9 + 1}-1{n % 10}",
        "true" if n % 2 else "false", f"{3000 + n % 50000}.25", "CNY", "0.875", str(n % 12), f"W{n // 10:07d}",
        f"2026-01-01T00:{n % 60:02d}:00Z",
    )  # fmt: skip
    fields = "".join(f"<w:{name}>{value}</w:{name}>" for name, value in zip(FIELDS, values, strict=True))
    address = f"<w:Street>Street {n % 999}</w:Street><w:City>City{n % 300}</w:City>"
    address += f"<w:Postal_Code>{n % 99999:05d}</w:Postal_Code>"
    skills = f"<w:Skill>S{n % 5}</w:Skill><w:Skill>T{n % 7}</w:Skill>"
    return f"<w:Worker>{fields}<w:Address>{address}</w:Address>{skills}</w:Worker>"


def serve(port: int, rows: int) -> None:
    """Answer page after page, all made before the first is asked for."""
    pages = -(-rows // PAGE)
    made = []
    for page in range(pages):
        workers = "".join(worker(n) for n in range(page * PAGE, min(rows, (page + 1) * PAGE)))
        made.append(
            f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
            f'<s:Body><w:Get_WorkersResponse xmlns:w="{SPACE}"><w:Total_Pages>{pages}</w:Total_Pages>'
            f"<w:Response_Data>{workers}</w:Response_Data></w:Get_WorkersResponse></s:Body></s:Envelope>".encode()
        )

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            page = int(asked.partition(b"Page>")[2].partition(b"<")[0])
            self.send_response(200)
            self.send_header("Content-Type", "text/xml; charset=utf-8")
            self.send_header("Content-Length", str(len(made[page - 1])))
            self.end_headers()
            self.wfile.write(made[page - 1])

        def log_message(self, *words: Any) -> None:
            """Nothing is said."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        print(f"{sum(map(len, made)) / 1e6:,.0f} MB of XML in {pages} pages", flush=True)
        server.serve_forever()
