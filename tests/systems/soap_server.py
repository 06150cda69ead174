"""The employees of an HR system as a SOAP service (spyne); runs in an environment of its own.

python soap_server.py PORT USER PASSWORD EMPLOYEES: SOAP 1.1 below ``/``, SOAP 1.2 below ``/soap12``; ``?wsdl``
on both. Who asks must prove it by a UsernameToken (text or digest, a digest only once), a Credentials header, or
the session of a Login. No Python newer than 3.11 runs spyne.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import secrets
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from spyne import (
    Application,
    Array,
    Boolean,
    ComplexModel,
    Date,
    DateTime,
    Decimal,
    Fault,
    Integer,
    ServiceBase,
    Unicode,
    rpc,
)
from spyne.protocol.soap import Soap11, Soap12
from spyne.server.wsgi import WsgiApplication

SPACE = "urn:hr.example.com:employees:v1"
USER, PASSWORD, EMPLOYEES = sys.argv[2], sys.argv[3], int(sys.argv[4])
WSSE = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}"
WSU = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}"
sessions: set[str] = set()
nonces: set[bytes] = set()


class Address(ComplexModel):
    __namespace__ = SPACE
    Street = Unicode
    City = Unicode


class Employee(ComplexModel):
    __namespace__ = SPACE
    Id = Unicode(min_occurs=1)
    Name = Unicode
    Mail = Unicode
    Department = Unicode
    Salary = Decimal
    Active = Boolean
    HireDate = Date
    ChangedAt = DateTime
    Address = Address
    Skill = Unicode(max_occurs="unbounded")
    Version = Integer


class Page(ComplexModel):
    __namespace__ = SPACE
    Total = Integer
    Employees = Array(Employee)


class Credentials(ComplexModel):
    __namespace__ = SPACE
    User = Unicode(min_occurs=1)
    Password = Unicode(min_occurs=1)


class Session(ComplexModel):
    __namespace__ = SPACE
    Id = Unicode(min_occurs=1)


def employee(n: int) -> Employee:
    return Employee(
        Id=f"E{n:04d}",
        Name=f"员工 {n}",
        Mail=f"e{n}@example.com",
        Department=f"D{n % 10}",
        Salary=f"{3000 + n}.50",
        Active=n % 7 != 0,
        HireDate=dt.date(2020, 1, 1) + dt.timedelta(days=n),
        ChangedAt=dt.datetime(2024, 1, 1) + dt.timedelta(hours=n),
        Address=Address(Street=f"Street {n}", City="上海" if n % 2 else "Berlin"),
        Skill=[f"S{n % 5}", f"S{n % 3}"] if n % 4 else [],
        Version=1,
    )


rows = {one.Id: one for one in map(employee, range(EMPLOYEES))}


def proven(token) -> bool:
    """Whether a UsernameToken names the user and proves the password (UsernameToken Profile 1.1 §3)."""
    given = token.findtext(f"{WSSE}Password") or ""
    if token.findtext(f"{WSSE}Username") != USER:
        return False
    if not token.find(f"{WSSE}Password").get("Type", "").endswith("#PasswordDigest"):
        return given == PASSWORD
    nonce = base64.b64decode(token.findtext(f"{WSSE}Nonce"))
    created = token.findtext(f"{WSU}Created")
    wanted = hashlib.sha1(nonce + created.encode() + PASSWORD.encode()).digest()
    if base64.b64decode(given) != wanted or nonce in nonces:
        return False
    nonces.add(nonce)
    return True


def admit(ctx) -> None:
    header = ctx.in_header_doc or []
    for element in header if isinstance(header, list) else header.values():
        for part in element if isinstance(element, list) else [element]:
            if part.tag == f"{WSSE}Security" and proven(part.find(f"{WSSE}UsernameToken")):
                return
    for one in ctx.in_header or () if isinstance(ctx.in_header, tuple | list) else (ctx.in_header,):
        if isinstance(one, Credentials) and (one.User, one.Password) == (USER, PASSWORD):
            return
        if isinstance(one, Session) and one.Id in sessions:
            return
    raise Fault("Client.Authentication", "the credentials are wrong, or the session is over")


class HR(ServiceBase):
    __in_header__ = (Credentials, Session)

    @rpc(Unicode, Unicode, _returns=Unicode)
    def Login(ctx, user, password):
        if (user, password) != (USER, PASSWORD):
            raise Fault("Client.Authentication", "user or password is wrong")
        sessions.add(made := secrets.token_hex(8))
        return made

    @rpc()
    def Logout(ctx):
        admit(ctx)
        sessions.discard(next(one.Id for one in ctx.in_header if isinstance(one, Session)))

    @rpc(_returns=Integer)
    def CountSessions(ctx):
        return len(sessions)

    @rpc(DateTime, Integer, Integer, _returns=Page)
    def GetEmployees(ctx, changedSince, offset, limit):
        admit(ctx)
        since = changedSince and changedSince.replace(tzinfo=None)
        found = [one for one in rows.values() if since is None or one.ChangedAt >= since]
        found.sort(key=lambda one: (one.ChangedAt, one.Id))
        start = offset or 0
        return Page(Total=len(found), Employees=found[start : start + min(limit or 100, 500)])

    @rpc(Unicode, _returns=Employee)
    def GetEmployee(ctx, id):
        admit(ctx)
        if id not in rows:
            raise Fault("Client.NotFound", f"there is no employee {id}")
        return rows[id]

    @rpc(Employee, _returns=Employee)
    def CreateEmployee(ctx, employee):
        admit(ctx)
        if employee.Id in rows:
            raise Fault("Client.Duplicate", f"there is an employee {employee.Id} already")
        return store(employee, 1)

    @rpc(Employee, _returns=Employee)
    def UpdateEmployee(ctx, employee):
        admit(ctx)
        old = rows.get(employee.Id)
        if old is None:
            raise Fault("Client.NotFound", f"there is no employee {employee.Id}")
        if employee.Version is not None and employee.Version != old.Version:
            raise Fault("Client.Stale", "the employee was changed meanwhile")
        for name in Employee.get_flat_type_info(Employee):
            if getattr(employee, name, None) is None:
                setattr(employee, name, getattr(old, name))
        return store(employee, old.Version + 1)

    @rpc(Unicode)
    def DeleteEmployee(ctx, id):
        admit(ctx)
        if rows.pop(id, None) is None:
            raise Fault("Client.NotFound", f"there is no employee {id}")


def store(given: Employee, version: int) -> Employee:
    if given.Name is not None and given.Name.startswith("!"):
        raise Fault("Client.Validation", "a name does not begin with !")
    given.Version = version
    given.ChangedAt = given.ChangedAt or dt.datetime(2026, 1, 1)
    rows[given.Id] = given
    return given


class Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Silent(WSGIRequestHandler):
    def log_message(self, *words: object) -> None:
        pass


def served(soap) -> WsgiApplication:
    application = Application(
        [HR], SPACE, name="EmployeeService", in_protocol=soap(validator="lxml"), out_protocol=soap()
    )
    return WsgiApplication(application)


def main() -> None:
    first, second = served(Soap11), served(Soap12)

    def both(environment, start):
        return (second if environment["PATH_INFO"].startswith("/soap12") else first)(environment, start)

    with make_server("127.0.0.1", int(sys.argv[1]), both, Threads, Silent) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
