"""What a plan costs its target is told before it is done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.odata import SPEC as ODATA
from connectors.odata.declared import ODataSettings
from connectors.simulators import Simulator
from connectors.simulators.crm import API_KEY
from hub.exchange.contents import contents
from hub.exchange.judging.predict import FIND, Limits, Predicted, Work, predict
from hub.http.settings import Limits as Written
from hub.store.reports import find_plan
from tests.unit.exchange.target import Crm
from tests.unit.exchange.test_outbound import ONE, TWO, send, target
from tests.unit.exchange.world import World

pytestmark = pytest.mark.by_turns


def each(kind: str, count: int) -> int:
    return count


def test_nothing_to_send_costs_nothing():
    assert predict(Work({}), Limits()) == Predicted(0, 0, 0.0)
    assert predict(Work({"create": 0}, first=3, share=0.5), Limits(rate=1.0)) == Predicted(0, 0, 0.0)


def test_batches_do_not_mix_operations():
    made = predict(Work({"create": 101, "update": 1, "delete": 200}, batch=100), Limits())
    assert (made.writes, made.lookups) == (2 + 1 + 2, 0)


def test_a_protocol_without_batches_costs_a_request_for_each_row():
    assert predict(Work({"create": 101, "delete": 9}, requests=each), Limits()).writes == 110


def test_rows_in_doubt_and_rows_read_back_are_looked_up():
    work = Work({"create": 10, "update": 20}, asked={"create": 1, "update": 20}, first=3, requests=each)
    assert predict(work, Limits()).lookups == 1 + 20 + 3
    everything = Work({"update": 250}, share=1.0, first=3, requests=lambda kind, count: 1)
    assert predict(everything, Limits()).lookups == 3
    assert predict(Work({"update": 30_000}, share=0.01, requests=each), Limits()).lookups == pytest.approx(300, abs=90)


def test_the_time_is_unknown_before_anything_was_measured():
    assert predict(Work({"create": 5}), Limits(lanes=4)).seconds is None


@pytest.mark.parametrize(("written", "seconds"), [("20/s", 6.0), ("60/m", 120.0), (None, None)])
def test_a_rate_holds_whoever_waits(written: str | None, seconds: float | None):
    limits = Limits(Written.model_validate({"rate": written}).rate, lanes=8)
    assert predict(Work({"create": 120}, requests=each), limits).seconds == pytest.approx(seconds)


def test_lanes_share_the_batches_and_the_slower_of_rate_and_answers_counts():
    work = Work({"create": 400}, batch=100, requests=each)
    assert predict(work, Limits(lanes=1, latency=0.1)).seconds == pytest.approx(40)
    assert predict(work, Limits(lanes=4, latency=0.1)).seconds == pytest.approx(10)
    assert predict(work, Limits(lanes=64, latency=0.1)).seconds == pytest.approx(10)
    assert predict(work, Limits(rate=10, lanes=4, latency=0.1)).seconds == pytest.approx(40)


def test_an_odata_service_takes_a_batch_at_once_and_looks_fifteen_up():
    settings = ODataSettings(url="https://s4.example.com")
    assert ODATA.requests(settings, "create", 100) == 1
    assert ODATA.requests(settings, FIND, 16) == 2
    assert ODATA.requests(settings.model_copy(update={"batch": "off"}), "update", 7) == 7


# ---------------------------------------------------------------- of plans

CRM = """
    system: crm
    connector: rest
    url: {url}/api/v2
    auth: {{api_key: {{header: X-Api-Key, value: secret://crm/key}}}}
    limits: {{rate: {rate}}}
    resources:
      accounts:
        path: /accounts
        records: records
        key: id
        fields: {{id: text, external_id: text, name: text}}
        write:
          create: {{method: POST, path: /accounts, id: id}}
          update: {{method: PATCH, path: "/accounts/{{id}}", id: id}}
          find: {{params: {{external_id: "{{external_id}}"}}}}
"""
TO_REST = """
    mapping: to-crm
    from: supplier
    into: crm.accounts
    key: external_id
    fields: {external_id: code, name: name}
"""
ROWS = [{"id": f"{number:03}", "name": f"Name {number}"} for number in range(130)]


@pytest.fixture
def crm() -> Iterator[Simulator]:
    with Simulator("crm") as running:
        yield running


def predicted(world: World, mapping: str = "to-crm") -> tuple[dict[str, object], str, object]:
    """What the newest plan says of itself, in figures and in words, and its id."""
    plan = world.plan(mapping)
    with world.opened() as opened:
        (part,) = contents(opened.hub, find_plan(opened.hub.database, str(plan)), 0).parts
    return dict(part.predicted), part.foretold, plan


def written_to(world: World, crm: Simulator, rate: str) -> None:
    world.variables["COPHUB_SECRET_CRM_KEY"] = API_KEY
    world.write("config/systems/crm.yaml", CRM.format(url=crm.url, rate=rate))


def requests(crm: Simulator) -> int:
    return crm.log.count("request")


def test_the_requests_predicted_are_those_that_the_system_saw(world: World, crm: Simulator):
    written_to(world, crm, "null")
    world.mapping(TO_REST, read_back="{share: 0%, first: 7}", changed_by_hand="keep")
    world.first("erp.suppliers", *ROWS)
    for records in (ROWS, [row | {"name": f"New {row['id']}"} for row in ROWS[:120]] + ROWS[120:]):
        world.first("erp.suppliers", *records)
        told, _, plan = predicted(world)
        before = requests(crm)
        result = world.apply(plan)  # type: ignore[arg-type]
        assert told["writes"] + told["lookups"] == requests(crm) - before  # type: ignore[operator]
        assert any(f"predicted {requests(crm) - before:,} in" in note for note in result.notes), result.notes
    assert told["seconds"] is not None  # the first delivery was measured


def test_a_rate_is_in_the_prediction_and_a_schedule_too_tight_is_said(world: World, crm: Simulator):
    written_to(world, crm, "30/m")
    world.mapping(TO_REST, schedule="{every: 1m}")
    world.first("erp.suppliers", *ROWS)
    told, words, _ = predicted(world)
    assert told["seconds"] == pytest.approx(2 * (told["writes"] + told["lookups"]))  # type: ignore[operator]
    assert "30 requests a minute at most" in words
    assert any("do not fit between two runs, every 1m" in note for note in world.run("to-crm", "plan").notes)
    assert requests(crm) == 0


def test_an_inbound_plan_tells_the_rows_it_writes(world: World):
    world.first("erp.suppliers", ONE, TWO)
    world.put("erp.suppliers", ONE | {"name": "Acme"}, {"id": "3", "name": "New"}, {"id": "4"})
    told, words, plan = predicted(world, "suppliers")
    rows = {"created": 1, "changed": 1, "leaving": 0, "versions": 1, "remembered": 2, "set_aside": 1}
    assert told == {"rows": rows}
    assert words.startswith("would write 1 golden rows created, 1 golden rows changed")
    before = len(world.history())
    world.apply(plan)  # type: ignore[arg-type]
    assert (len(world.golden()), len(world.history()) - before) == (3, 1)


def test_a_target_that_is_written_whole_costs_one_call_and_an_unchanged_one_none(world: World):
    crm = target(world, Crm(replaces=True))
    world.first("erp.suppliers", ONE, TWO)
    assert predicted(world)[0]["writes"] == 1
    send(world)
    assert (predicted(world)[0]["writes"], predicted(world)[1]) == (0, "")
    assert crm.replaced == 1
