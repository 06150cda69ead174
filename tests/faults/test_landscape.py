"""HR by SOAP, the hub, Active Directory and a SCIM service: whatever HR's service does wrong, nobody's account is lost,
made twice or shut by mistake, and when it is over everybody has what HR says.

While the fault is on and again when it is off somebody has come, changed name and position, left, come back, and been
taken out of HR. The oracles are the directory, read by LDAP, the service, read by HTTP, and HR's own log.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import ldap
import pytest

from connectors.simulators.faults import KINDS
from tests.conftest import Login
from tests.docs.pages import DOCS
from tests.faults.matrix import row
from tests.faults.people import RUNS, People, first_password, landscape

pytestmark = [
    pytest.mark.long,
    pytest.mark.against("ldap", "Active Directory (Samba)", "real"),
    pytest.mark.against("scim", "scim2-server", "real"),
    pytest.mark.against("workday", "Workday", "simulator"),
]
NOT_OF_A_LIST = {
    "expire": "each request logs in by itself, and pages have numbers: there is no token that runs out",
    "stale": "the same: pages have numbers",
    "partial": "of a batch that is written; Get_Workers only reads",
    "lie": "of a change that is acknowledged; Get_Workers changes nothing",
    "drop": "the same",
}
Came = Literal["all", "who is there", "nobody"]
"""What came in spite of the fault: everything, everything but who is gone, nothing."""
CASES: dict[str, tuple[str, int, str, Came]] = {
    "throttle": ("throttle=0", 0, "", "all"),
    "unavailable": ("unavailable", 0, "", "all"),
    "unauthorized": ("unauthorized", 77, "auth.refused", "nobody"),
    "masked": ("masked", 77, "auth.refused", "nobody"),
    "html": ("html", 77, "auth.login_page", "nobody"),
    "nothing": ("nothing", 70, "http.empty", "nobody"),
    "cut": ("cut", 0, "", "all"),
    "lost": ("lost", 0, "", "all"),
    "refused": ("refused", 0, "", "all"),
    "slow": ("slow=100", 0, "", "all"),
    "delay": ("delay=2", 0, "", "all"),
    "broken": ("broken", 0, "", "all"),
    "empty": ("empty,times=always", 75, "total.short", "nobody"),
    "empty from the first page": ("empty,skip=0,times=always", 0, "", "nobody"),
    "swallowed": ("swallowed", 70, "paging.missing", "nobody"),
    "count": ("count", 0, "", "who is there"),
    "count to the end": ("count,times=always", 75, "total.short", "nobody"),
    "twice": ("twice,times=always", 0, "", "all"),
    "reorder": ("reorder,times=always", 0, "", "all"),
    "repeat": ("repeat,times=always", 70, "page.repeated", "nobody"),
    "skip": ("skip,times=always", 75, "total.short", "nobody"),
    "drift": ("drift=Email:Mail,skip=0", 76, "source.drift", "nobody"),
    "drift on some pages": ("drift=Email:Mail", 76, "guard.exceeded", "nobody"),
    "skew": ("skew=86400", 0, "", "all"),
}
"""Name, which begins with the kind → fault, exit code, code of the error, what came. Another way of a kind is tried by
``make soak``."""
LASTING = {
    "throttle=60": "http.rate", "unavailable": "http.status", "cut": "http.cut", "lost": "http.cut",
    "refused": "http.cut", "slow=100": "http.timeout", "delay=2": "http.timeout", "broken": "http.status",
}  # fmt: skip
"""What passes when it comes once, and its code where it stays."""


@pytest.fixture(scope="module")
def people(
    tmp_path_factory: pytest.TempPathFactory, active_directory: Login, scim: Login
) -> Iterator[People]:
    with landscape(tmp_path_factory.mktemp("people"), active_directory, scim, records=24) as made:
        first(made)
        yield made


def first(people: People) -> None:
    """As the page goes live."""
    for words in (["check"], ["migrate", "--yes"], ["run", *RUNS, "--initial"]):
        said = people.told(*words)
        assert said.code == 0, said.out + said.err
    people.settle()


def troubled(people: People, fault: str, status: int, code: str, came: Came) -> None:
    """People move, the exchanges run under a fault of HR's, and again without it."""
    before = people.wanted
    gone = people.move()
    people.hr.faults.set(f"{fault},method=POST" + ("" if "skip=" in fault else ",skip=1"))
    switched = people.hr.faults.texts()
    said, runs = people.run()
    assert people.hr.faults.texts() != switched or fault.startswith("skew") or "always" in switched[0]
    error = runs["hr-people"].get("error") or {"code": ""}
    assert (said.code, error["code"]) == (status, code), said.err
    if code:
        assert error["message"]
        assert error["where"]
        assert error["hint"]
        assert f"`{code}`" in (DOCS / "reference" / "codes.md").read_text(encoding="utf-8")
    assert [one["state"] for name, one in runs.items() if name != "hr-people"] == ["done"] * 2
    expected = {
        "all": people.expected(),
        "who is there": people.expected() | {number: before[number] for number in gone},
        "nobody": before,
    }
    people.require(expected[came])
    people.settle()


def test_every_kind_of_fault_is_tried_or_cannot_concern_a_list():
    assert {name.partition(" ")[0] for name in CASES} | NOT_OF_A_LIST.keys() == KINDS.keys()
    assert {name.partition(" ")[0] for name in CASES} & NOT_OF_A_LIST.keys() == set()


@row(8, "HR's answers are cut, slow, refused; accounts in two targets")
@row(27, "HR's clock is ahead; accounts in two targets")
@row(29, "a field of HR's is renamed, for all or on some pages; accounts in two targets")
@row(32, "HR gives nobody; accounts in two targets")
@row(34, "HR leaves out or repeats pages; accounts in two targets")
@row(37, "HR refuses the log-in; accounts in two targets")
@row(40, "HR answers by a login page, or by nothing; accounts in two targets")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.soak) if " " in name else name for name in CASES]
)
def test_nobody_loses_an_account_by_a_fault_of_hr_and_everybody_has_theirs_after_it(
    people: People, name: str
):
    troubled(people, *CASES[name])


@row(8, "HR's answers are cut, slow, refused for as long as it takes; accounts in two targets")
@pytest.mark.soak
@pytest.mark.parametrize("fault", LASTING)
def test_nobody_loses_an_account_by_a_fault_that_lasts(people: People, fault: str):
    troubled(people, f"{fault},times=always", 75, LASTING[fault], "nobody")


def test_what_cannot_concern_a_list_does_not_concern_it(people: People):
    people.move()
    people.hr.faults.set(*(f"{kind},times=always" for kind in NOT_OF_A_LIST))
    switched = people.hr.faults.texts()
    said, _ = people.run()
    assert (said.code, people.hr.faults.texts()) == (0, switched)
    people.require(people.expected())
    people.settle()


def test_accounts_open_with_a_password_that_nobody_saw_and_shut_ones_do_not(people: People):
    (shut, *_), (opened, *_) = (
        [one for one, (_, on) in sorted(people.wanted.items(), reverse=True) if on is wanted]
        for wanted in (False, True)
    )
    raw = ldap.initialize(people.ad.url)
    login = f"{people.wanted[opened][0]['User_ID']}@corp.example.com"
    assert raw.simple_bind_s(login, first_password(opened))[0] == ldap.RES_BIND
    with pytest.raises(ldap.INVALID_CREDENTIALS):
        raw.simple_bind_s(f"{people.wanted[shut][0]['User_ID']}@corp.example.com", first_password(shut))
    raw.unbind_s()


@row(45, "a hub without its database finds the accounts that are there")
def test_a_hub_with_an_empty_store_on_postgresql_makes_nobody_twice(
    people: People, postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COPHUB_STORE", postgres_url)
    first(people)
    troubled(people, *CASES["empty"])
