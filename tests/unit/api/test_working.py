"""Through the API exchanges are run, plans decided and applied, records set aside looked at again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api.conftest import Served, person

pytestmark = pytest.mark.by_turns

ALL = ("exchanges:read", "runs:read", "runs:write", "plans:read", "plans:write", "quarantine:read", "quarantine:write")


def posted(served: Served, path: str, headers: dict[str, str], body: Any = None, key: str = "") -> Any:
    more = {"idempotency-key": key} if key else {}
    return served.client.post(path, json={} if body is None else body, headers={**headers, **more})


def test_a_run_is_accepted_at_once_and_told_of_where_it_says(served: Served):
    headers = served.key("ops", *ALL)
    served.put("hr.people", {"id": "1", "name": "New"})
    answer = posted(served, "/v1/exchanges/people/runs", headers, {"mode": "incremental"}, key="k1")
    assert answer.status_code == 202
    run = served.ended(answer.headers["location"], headers)
    assert (run["state"], run["counts"]["updated"]) == ("done", 1)
    again = posted(served, "/v1/exchanges/people/runs", headers, {"mode": "incremental"}, key="k1")
    assert again.json()["run_key"] == answer.json()["run_key"]
    assert served.ended(again.headers["location"], headers)["id"] == run["id"]
    assert served.one("SELECT count(*) FROM run WHERE run_key = :k", k=run["run_key"]) == 1


def test_two_keys_may_use_the_same_idempotency_key(served: Served):
    one, two = served.key("one", *ALL), served.key("two", *ALL)
    first = posted(served, "/v1/exchanges/people/runs", one, key="same").json()["run_key"]
    assert first != posted(served, "/v1/exchanges/people/runs", two, key="same").json()["run_key"]


def test_a_run_that_fails_says_why(served: Served):
    headers = served.key("ops", *ALL)
    (served.data / "hr-people.ndjson").unlink()
    place = posted(served, "/v1/exchanges/people/runs", headers).headers["location"]
    run = served.ended(place, headers)
    assert (run["state"], run["error"]["code"]) == ("failed", "file.missing")


def test_a_held_plan_is_approved_by_another_key_and_applied_once(served: Served):
    served.mapping((served.folder / "mappings/people.yaml").read_text("utf-8"), guard="{update: 2}")
    served.close()
    served.serve()
    maker, other = served.key("maker", *ALL), served.key("other", *ALL)
    served.put("hr.people", *(person(n, name=f"Q{n}") for n in range(1, 8)))
    run = served.ended(posted(served, "/v1/exchanges/people/runs", maker).headers["location"], maker)
    assert (run["state"], run["error"]["code"]) == ("held", "guard.exceeded")
    plan = f"/v1/plans/{run['error']['plan']}"
    shown = served.client.get(plan, headers=maker).json()
    assert shown["breaches"]
    assert shown["outputs"][0]["changes"][0]["operation"] == "update"
    early = served.ended(posted(served, f"{plan}/runs", maker).headers["location"], maker)
    assert early["state"] == "held"
    own = posted(served, f"{plan}/approval", maker, {"reason": "I know them all"})
    assert (own.status_code, own.json()["code"]) == (403, "approval.author")
    given = posted(served, f"{plan}/approval", other, {"reason": "checked the names", "expires": "1h"})
    assert (given.status_code, given.json()["approver"]) == (200, "key:other")
    done = served.ended(posted(served, f"{plan}/runs", maker).headers["location"], maker)
    assert (done["state"], done["counts"]["updated"]) == ("done", 7)
    over = posted(served, f"{plan}/runs", maker)
    assert (over.status_code, over.json()["code"]) == (409, "plan.closed")


def test_records_set_aside_are_listed_replayed_and_dismissed(served: Served):
    headers = served.key("ops", *ALL)
    served.put("hr.people", {"id": "1", "name": "P1", "salary": "much"}, {"id": "2", "name": "P2", "born": "once"})
    served.run("people", "incremental")
    (one, two) = served.client.get("/v1/quarantine/causes", headers=headers).json()["items"]
    listed = served.client.get(f"/v1/quarantine?cause={one['id']}", headers=headers).json()["items"]
    assert [entry["code"] for entry in listed] == [one["code"]]
    assert "much" not in served.client.get("/v1/quarantine", headers=headers).text
    again = posted(served, "/v1/quarantine/replays", headers, {"cause": one["id"]})
    assert served.ended(again.headers["location"], headers)["counts"]["quarantined"] == 1
    gone = posted(served, "/v1/quarantine/dismissals", headers, {"cause": two["id"], "reason": "a test record"})
    assert gone.json() == {"dismissed": 1}
    left = served.client.get("/v1/quarantine", headers=headers).json()["items"]
    assert [entry["cause"] for entry in left] == [one["id"]]


def test_a_review_is_shown_and_decided(served: Served):
    served.mapping((served.folder / "mappings/people.yaml").read_text("utf-8"), match="[[name]]", unmatched="review")
    served.close()
    served.serve()
    headers = served.key("ops", "reviews:read", "reviews:write")
    served.put("hr.people", *(person(n) for n in range(1, 8)), person(9, id="77", name="X"))
    served.run("people")
    (one,) = served.client.get("/v1/reviews", headers=headers).json()["items"]
    shown = served.client.get(f"/v1/reviews/{one['id']}", headers=headers).json()
    assert shown["review"]["key"] == "77"
    bare = posted(served, f"/v1/reviews/{one['id']}/decision", headers, {"decision": "link", "reason": "it is"})
    assert bare.json()["code"] == "review.entity"
    done = posted(served, f"/v1/reviews/{one['id']}/decision", headers, {"decision": "create", "reason": "new hire"})
    assert (done.status_code, done.json()["review"]["decided_by"]) == (200, "key:ops")
    assert served.client.get("/v1/reviews", headers=headers).json()["items"] == []
