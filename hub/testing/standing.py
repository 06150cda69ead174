"""Checks of a connector that neither read nor write records."""

from __future__ import annotations

from collections.abc import Callable

from hub.errors import AuthError, ConfigError, HubError, Retriable
from hub.testing.case import Case, read


def check_reports(case: Case) -> None:
    """``check`` tells line by line what it tried, and all holds on a sound system."""
    probes = case.open(case.fresh(case.records(2))).check()
    assert probes, "check() reports nothing"
    assert all(probe.ok for probe in probes), f"on a sound system fails: {[p for p in probes if not p.ok]}"
    names = {probe.name for probe in probes}
    assert "" not in names, "a probe has no name"
    wanted = {f"read {case.resource}", f"write {case.resource}"}
    assert wanted & names, f"no step is about {case.resource}: name one {' or '.join(sorted(wanted))}"


def check_reports_trouble(case: Case) -> None:
    """With wrong credentials ``check`` says so, with a remedy, and does not raise."""
    assert case.locked_out is not None
    probes = case.locked_out(case.fresh(case.records(1))).check()
    bad = [probe for probe in probes if not probe.ok]
    assert bad, "check() finds nothing wrong with wrong credentials"
    assert all(probe.detail or probe.remedy for probe in bad), "a failed probe says neither what nor why"


def describe(case: Case) -> None:
    """``resource`` gives name, key and cursor as declared, and the same again."""
    connector = case.open(case.fresh(case.records(1)))
    found = connector.resource(case.resource)
    assert found.name == case.resource, f"asked for {case.resource}, described {found.name}"
    assert found.key == case.key, f"the key is {found.key}, not {case.key}"
    assert found.cursor == case.cursor, f"the cursor is {found.cursor}, not {case.cursor}"
    names = {field.name for field in found.fields}
    assert not names or set(case.key) <= names, "the fields do not hold the key"
    assert found == connector.resource(case.resource), "described differently the second time"


def unknown_resource(case: Case) -> None:
    """A resource that is not there is a ConfigError ``resource.unknown``."""
    connector = case.open(case.fresh(case.records(1)))
    code = ""
    try:
        connector.resource("no_such_resource")
    except ConfigError as error:
        code = error.code
    assert code, "a resource that is not there is described"
    assert code == "resource.unknown", f"the code is {code}, not resource.unknown"


def wrong_credentials(case: Case) -> None:
    """Reading with wrong credentials is an AuthError: the hub must not try again."""
    assert case.locked_out is not None
    handle = case.fresh(case.records(1))
    resource = case.open(handle).resource(case.resource)
    try:
        read(case.locked_out(handle), resource)
    except AuthError:
        return
    except HubError as error:
        kind = f"{type(error).__name__} {error.code}"
        raise AssertionError(f"wrong credentials are {kind}, no AuthError") from error
    raise AssertionError("reads with wrong credentials")


def no_secret_shown(case: Case) -> None:
    """No secret in errors, probes or the representation of the connector."""
    handle = case.fresh(case.records(1))
    opened = [case.open(handle), *([case.locked_out(handle)] if case.locked_out else [])]
    shown = []
    for connector in opened:
        shown += [repr(connector), repr(vars(connector)) if hasattr(connector, "__dict__") else ""]
        shown += [str(probe) for probe in connector.check()]
        try:
            read(connector, connector.resource(case.resource))
            connector.resource("no_such_resource")
        except HubError as error:
            shown += [str(error), repr(error), error.message, error.hint, error.where, str(error.__cause__)]
    for secret in case.secrets:
        assert not any(secret in each for each in shown), "a secret is shown"


def rate_limit_honoured(case: Case) -> None:
    """A refusal for a while is waited for, or passed on as Retriable with the wait."""
    assert case.throttle is not None
    handle = case.fresh(case.records(3))
    connector = case.open(handle)
    resource = connector.resource(case.resource)
    case.throttle(handle, 7.0)
    wait: float | None = None
    try:
        assert sum(page.count for page in read(connector, resource)) == 3, "a refusal loses records"
        return
    except Retriable as error:
        wait = error.wait
    except HubError as error:
        raise AssertionError(f"a refusal for a while is {type(error).__name__}, not Retriable") from error
    assert (wait or 0.0) >= 7.0, f"the wait is {wait}, asked were 7 s"


def close_twice(case: Case) -> None:
    """``close`` may be called again, and before anything was opened."""
    handle = case.fresh(case.records(1))
    case.open(handle).close()
    connector = case.open(handle)
    resource = connector.resource(case.resource)
    read(connector, resource)
    connector.close()
    connector.close()


Probes = tuple[tuple[tuple[str, ...], Callable[[Case], None]], ...]
STANDING: Probes = (
    ((), check_reports),
    (("locked_out",), check_reports_trouble),
    ((), describe),
    ((), unknown_resource),
    (("locked_out",), wrong_credentials),
    (("secrets",), no_secret_shown),
    (("throttle",), rate_limit_honoured),
    ((), close_twice),
)
