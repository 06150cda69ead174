"""SAP's inbound service for IDocs: one message for each request.

In SOAP, the namespace of the messages makes SAP take each of them once: it compares the message id in ARCKEY (SAP's
message EA728). So what nobody knows the end of is sent again with the same id. Without an envelope SAP compares
nothing.
"""

from __future__ import annotations

from lxml import etree

from connectors.idoc.building import Message
from connectors.idoc.control import CONTROL, CONTROL_FIELDS
from connectors.idoc.settings import Http
from connectors.idoc.writing import as_xml, xml
from hub.contract import Context, Outcome
from hub.errors import Fatal, HubError, RecordRejected
from hub.http import Clock, Transport
from hub.http.answers import ANY, Response, refuse_html, snippet
from hub.http.outcomes import of_status
from hub.http.waits import wait_of
from hub.untrusted import parse_xml

MESSAGES = "urn:sap-com:document:sap:idoc:soap:messages"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGE_ID = "urn:sap.com:msgid="


class Service:
    """The way to SAP by HTTP."""

    def __init__(self, context: Context, settings: Http) -> None:
        self._settings = settings
        clock = Clock(now=context.now) if context.now else None
        self.transport = Transport(
            settings, context.system, folder=context.folder, clock=clock, pauses=context.pauses
        )

    def close(self) -> None:
        self.transport.close()

    def send(self, docnum: str, identity: str, made: Message) -> Outcome:
        """``done`` where SAP says that it has it. What became of it there is told by the IDoc's status, later."""
        soap = self._settings.envelope == "soap"
        answer = self.transport.request(
            "POST", self._settings.path, params={"sap-client": self._settings.client},
            data=_enveloped(made, identity) if soap else xml(made), expect=ANY,
            headers={"Content-Type": "text/xml; charset=utf-8", "Accept": "text/xml, */*", "SOAPAction": '""'},
        )  # fmt: skip
        fault = _fault(answer)
        if fault is not None:
            return self._refused(answer, *fault)
        if not answer.ok:
            return self._by_status(answer)
        if soap:
            self._acknowledged(answer)
        return Outcome("done", docnum)

    def _refused(self, answer: Response, code: str, said: str) -> Outcome:
        """What the sender did wrong stays wrong; of anything else nobody knows whether it had an effect."""
        if answer.status in (401, 403):
            self.transport.refuse(answer)
        told = f"fault {code or 'without code'}: {self.transport.redact(said) or 'no message'}"
        wait = wait_of(answer.status, answer.headers, self.transport.now())
        if answer.status in (429, 503):
            return Outcome("retry", None, None, "idoc.fault", told, wait)
        wrong = code.partition(".")[0] in ("Client", "VersionMismatch", "MustUnderstand")
        return Outcome("rejected" if wrong else "unknown", None, None, "idoc.fault", told, wait)

    def _by_status(self, answer: Response) -> Outcome:
        if answer.status in (401, 403):
            self.transport.refuse(answer)
        wait = wait_of(answer.status, answer.headers, self.transport.now())
        message = f"answered {answer.status}{snippet(answer, self.transport.redact)}"
        return of_status(answer.status, "create", message, wait=wait)

    @staticmethod
    def _acknowledged(answer: Response) -> None:
        """Raise where an answer that says it went well is none of SAP's service: a log-in page, something cut."""
        if not answer.body.strip():
            return  # the service may answer 202 without a word
        refuse_html(answer)
        root = parse_xml(answer.body, where=answer.where)
        if etree.QName(root).localname != "Envelope":
            raise Fatal(
                "idoc.answer", f"the answer is {etree.QName(root).localname}, and no SOAP envelope", where=answer.where,
                hint="check http: url and path; envelope: none goes to /sap/bc/idoc_xml",
            )  # fmt: skip

    def ask(self) -> None:
        """Raise what a request without a message says of who we are: nothing is sent by it."""
        answer = self.transport.request(
            "GET", self._settings.path, params={"sap-client": self._settings.client}, expect=ANY
        )
        if answer.status in (401, 403):
            self.transport.refuse(answer)
        if answer.status == 404:
            raise Fatal(
                "idoc.service", f"there is no service at {self._settings.path}", where=answer.where,
                hint="activate it in SAP (transaction SICF; SRTIDOC registers /sap/bc/srt/idoc), or mend path:",
            )  # fmt: skip


def _enveloped(made: Message, identity: str) -> bytes:
    """A SOAP 1.1 envelope around the one IDoc, with its message id."""
    if "ARCKEY" in made.control:
        where = f"{CONTROL}.ARCKEY"
        raise RecordRejected("idoc.control", "in SOAP, ARCKEY is the id by which SAP takes a message once", where=where)
    given = {**made.control, "ARCKEY": f"{MESSAGE_ID}{identity.upper()}"}
    control = {name: given[name] for name in CONTROL_FIELDS if name in given}
    envelope = etree.Element(f"{{{ENVELOPE}}}Envelope", nsmap={"soapenv": ENVELOPE})
    etree.SubElement(envelope, f"{{{ENVELOPE}}}Header")
    body = etree.SubElement(envelope, f"{{{ENVELOPE}}}Body")
    body.append(as_xml(Message(control, made.root), MESSAGES))
    return bytes(etree.tostring(envelope, encoding="UTF-8", xml_declaration=True))


def _fault(answer: Response) -> tuple[str, str] | None:
    """Code and words of a SOAP fault, whatever the status is."""
    if b"Fault" not in answer.body:
        return None
    try:
        root = parse_xml(answer.body, where=answer.where)
    except HubError:
        return None
    found = root.find(f"{{{ENVELOPE}}}Body/{{{ENVELOPE}}}Fault")
    if found is None:
        return None
    code = (found.findtext("faultcode") or "").strip().rpartition(":")[2]
    return code, " ".join((found.findtext("faultstring") or "").split())[:1000]
