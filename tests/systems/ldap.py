"""A throwaway OpenLDAP server with 10,000 people, spoken to in plain text, by StartTLS and by LDAPS.

``dc=example,dc=com`` keeps a session log: syncrepl tells deletions there. ``dc=quiet,dc=org`` keeps none, so that a
consumer who comes back is told who is present, not who is gone. ``cn=reader`` may read by pages only: an answer
holds at most 500 entries. Its safety against power loss is off.
"""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from tests.systems.certificates import write_certificates
from tests.systems.place import Place, free_port, run, unprivileged, wait_until

APT = ("slapd", "ldap-utils")
PROGRAMS = ("slapd", "slapadd", "ldapwhoami")
PATH = "/usr/sbin:/usr/bin:/bin:/usr/local/sbin:/usr/local/bin:/usr/local/libexec"
BASE, QUIET = "dc=example,dc=com", "dc=quiet,dc=org"
ADMIN, PASSWORD = f"cn=admin,{BASE}", "adm1n-pa55word"
READER, READER_PASSWORD = f"cn=reader,{BASE}", "readerpw"
OID = "1.3.6.1.4.1.4203.666.11.77"  # of OpenLDAP's range for experiments
PEOPLE, DIVISIONS, DEPARTMENTS = 10_000, 10, 10
DATABASE = """database mdb
suffix "{suffix}"
rootdn "cn=admin,{suffix}"
rootpw {password}
directory {home}/{folder}
maxsize 1073741824
dbnosync
index objectClass,uid,mail,employeeNumber,member eq
index cn,sn pres,eq,sub
index entryCSN,entryUUID,modifyTimestamp,hubChanged eq
overlay syncprov
syncprov-checkpoint 100 10
"""
CONFIG = """include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
attributetype ( {oid}.1.1 NAME 'hubChanged' DESC 'when its owner changed it' EQUALITY generalizedTimeMatch
  ORDERING generalizedTimeOrderingMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 SINGLE-VALUE )
attributetype ( {oid}.1.2 NAME 'hubActive' EQUALITY booleanMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.7 SINGLE-VALUE )
attributetype ( {oid}.1.3 NAME 'hubGrade' EQUALITY integerMatch ORDERING integerOrderingMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( {oid}.1.4 NAME 'hubRole' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectclass ( {oid}.2.1 NAME 'hubPerson' DESC 'what a company adds to a person' SUP top AUXILIARY
  MAY ( hubChanged $ hubActive $ hubGrade $ hubRole ) )
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload syncprov
moduleload memberof
pidfile {home}/slapd.pid
argsfile {home}/slapd.args
TLSCACertificateFile {home}/ca.pem
TLSCertificateFile {home}/server.pem
TLSCertificateKeyFile {home}/server.key
sizelimit 500
threads 4
{first}syncprov-sessionlog 20000
overlay memberof
limits dn.exact="{reader}" size.soft=500 size.hard=500 size.prtotal=unlimited
access to attrs=userPassword by self write by anonymous auth by * none
access to * by dn.exact="{reader}" read by self read by * none
{second}"""


def _program(name: str) -> str:
    return shutil.which(name, path=PATH) or name


def installed() -> bool:
    return all(shutil.which(name, path=PATH) for name in PROGRAMS)


def up(place: Place) -> Mapping[str, str]:
    home, port, tls = place.scratch(), free_port(), free_port()
    write_certificates(home)
    databases = {
        "first": DATABASE.format(home=home, password=PASSWORD, folder="example", suffix=BASE),
        "second": DATABASE.format(home=home, password=PASSWORD, folder="quiet", suffix=QUIET),
    }
    config, seed = home / "slapd.conf", home / "seed.ldif"
    config.write_text(CONFIG.format(home=home, reader=READER, oid=OID, **databases))
    seed.write_text("\n\n".join(_entries()) + "\n", encoding="utf-8")
    for path in (config, seed):
        path.chmod(0o644)
    for folder in ("example", "quiet"):
        run(["mkdir", home / folder], **unprivileged())
    for suffix in (BASE, QUIET):
        load = ["-q", "-f", config, "-b", suffix, "-l", seed if suffix == BASE else _quiet(home)]
        run([_program("slapadd"), *load], cwd=home, **unprivileged())
    listen = f"ldap://127.0.0.1:{port}/ ldaps://127.0.0.1:{tls}/"
    process = place.start(
        [_program("slapd"), "-d", "0", "-f", config, "-h", listen], cwd=home, **unprivileged()
    )
    ask = [_program("ldapwhoami"), "-x", "-H", f"ldap://127.0.0.1:{port}", "-D", ADMIN, "-w", PASSWORD]
    wait_until(lambda: subprocess.run(ask, capture_output=True).returncode == 0, 30, process, place.log)
    login = f"{quote(ADMIN, safe='')}:{PASSWORD}"
    return {
        "HUB_TEST_LDAP_URL": f"ldap://{login}@127.0.0.1:{port}/{BASE}",
        "HUB_TEST_LDAP_TLS": f"ldaps://127.0.0.1:{tls}",
        "HUB_TEST_LDAP_CA": str(home / "ca.pem"),
    }


def person(number: int) -> dict[str, str]:
    """What is known of the n-th person, from 0."""
    name = f"张 User {number:05d}" if number % 10 == 0 else f"User {number:05d}"
    return {
        "objectClass": "inetOrgPerson", "uid": f"u{number:05d}", "cn": name, "sn": f"{number:05d}",
        "givenName": "User", "mail": f"u{number:05d}@example.com", "employeeNumber": f"{number:05d}",
        "departmentNumber": f"{number % 100}", "telephoneNumber": f"+49 30 {number:07d}",
        "userPassword": f"pw{number}",
    }  # fmt: skip


def unit(number: int) -> str:
    """The DN of the department of the n-th person."""
    division, department = divmod(number % (DIVISIONS * DEPARTMENTS), DEPARTMENTS)
    return f"ou=Dept {division}-{department},ou=Div {division},ou=org,{BASE}"


def _entries() -> Iterator[str]:
    organization = {"objectClass": "organizationalUnit"}
    top = "objectClass: dcObject\nobjectClass: organization"
    yield f"dn: {BASE}\n{top}\ndc: example\no: Example"
    role = "objectClass: organizationalRole\nobjectClass: simpleSecurityObject"
    yield f"dn: {READER}\n{role}\ncn: reader\nuserPassword: {READER_PASSWORD}"
    for name in ("org", "groups", "tests"):
        yield _ldif(f"ou={name},{BASE}", {**organization, "ou": name})
    for division in range(DIVISIONS):
        dn, text = f"ou=Div {division},ou=org,{BASE}", f"事业部 {division}"
        yield _ldif(dn, {**organization, "ou": f"Div {division}", "description": text})
        for department in range(DEPARTMENTS):
            name = f"Dept {division}-{department}"
            yield _ldif(f"ou={name},{dn}", {**organization, "ou": name})
    for number in range(PEOPLE):
        yield _ldif(f"uid=u{number:05d},{unit(number)}", person(number))
    members = "\n".join(f"member: uid=u{number:05d},{unit(number)}" for number in range(200))
    yield f"dn: cn=staff,ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: staff\n{members}"


def _ldif(dn: str, values: Mapping[str, str]) -> str:
    return "\n".join([f"dn: {dn}", *(f"{name}{_text(value)}" for name, value in values.items())])


def _text(value: str) -> str:
    return f": {value}" if value.isascii() else ":: " + base64.b64encode(value.encode()).decode()


def _quiet(home: Path) -> Path:
    file = home / "quiet.ldif"
    top = "objectClass: dcObject\nobjectClass: organization\ndc: quiet\no: Quiet"
    file.write_text(f"dn: {QUIET}\n{top}\n")
    file.chmod(0o644)
    return file
