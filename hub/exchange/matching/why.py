"""Why a record belongs to its entity, or to none: every rule's candidates, against the store as it is.

The source is read, the record is mapped and resolved alone, and nothing is written. What other records of the
same run would do to it (two new ones that are alike) is therefore not seen here.
"""

from __future__ import annotations

import dataclasses
import json
import uuid
from dataclasses import dataclass
from typing import Any

from hub.errors import ConfigError
from hub.exchange.ground import Hub
from hub.exchange.matching.alone import mapped_alone
from hub.exchange.matching.batch import Batch
from hub.exchange.matching.resolve import Resolver
from hub.exchange.quarantine import told
from hub.exchange.runfile import RunFile, sql_text
from hub.exchange.staging import stage_keys, take
from hub.mapping.compile import Compiled
from hub.store import evidence, shadows
from hub.store.bulk import Bulk
from hub.workspace.shape import MappingFile, Output

MOST = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """One entity that a rule compared with the record; ``why`` is likeness and weight per field."""

    entity: uuid.UUID
    score: float
    why: dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class RuleTold:
    """One match rule with its thresholds, and its best candidates; ``compared`` counts them all."""

    rule: str
    at_least: float | None
    review: float | None
    compared: int
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Why:
    """The outcome: ``situation``, what the mapping says of it, and the code and reason where it goes no further."""

    exchange: str
    model: str
    key: str
    situation: str
    reaction: str
    entity: uuid.UUID | None
    code: str
    message: str
    rules: tuple[RuleTold, ...]
    evidence: dict[str, Any] | None


def explain_record(hub: Hub, exchange: str, key: str, number: int = 0) -> Why:
    """ConfigError ``match.direction`` and ``why.key``."""
    with mapped_alone(hub, exchange, number) as at:
        return _told(hub, at.run, at.session, at.mapping, at.compiled, at.source, key)


def _told(
    hub: Hub, run: RunFile, session: Bulk, mapping: MappingFile, one: Compiled, source: int, key: str
) -> Why:
    output, text = mapping.outputs[one.number], sql_text(key)
    run.sql(f"DELETE FROM mapped WHERE _key <> {text}")
    take(
        run,
        "own",
        shadows.links(session, source, stage_keys(run, session, "own_key", f"SELECT {text} AS key")),
    )
    if not run.one("SELECT count(*) FROM mapped"):
        return _unmapped(run, mapping, output, one, key)
    run.sql("CREATE OR REPLACE TABLE nobody AS SELECT * FROM own WHERE false")
    run.sql("CREATE OR REPLACE TABLE future (key VARCHAR, hash BIGINT, day VARCHAR)")
    model = hub.workspace.models[output.into]
    batch = Batch(run, session, hub.database, source, output, model, one)
    Resolver(dataclasses.replace(batch, tracing=True), "nobody").resolve()
    rules = tuple(_rule(run, rule.title, rule.at_least, rule.review) for rule in output.match)
    if run.one("SELECT count(*) FROM own"):  # linked: the rules are no longer asked
        run.sql("DROP TABLE known")
        Resolver(batch, "own").resolve()
    situation, entity, code, message = _fate(run, one)
    return Why(
        mapping.mapping,
        output.into,
        key,
        situation,
        _reaction(output, situation),
        entity,
        code,
        message,
        rules,
        evidence.of_record(hub.database, source, key),
    )


def _fate(run: RunFile, compiled: Compiled) -> tuple[str, uuid.UUID | None, str, str]:
    verdict = run.sql(f"SELECT code, message FROM (SELECT code, {told(compiled)} FROM verdict) LIMIT 1")
    if verdict:
        code, message = verdict[0]
        situations = {
            "match.ambiguous": "ambiguous",
            "match.likely": "ambiguous",
            "match.collision": "collision",
            "collision": "collision",
            "match.none": "unmatched",
            "match.review": "unlinked",
            "ref.missing": "waiting",
        }
        return situations.get(code, "waiting"), None, code, message
    if ignored := run.sql("SELECT situation FROM ignored LIMIT 1"):
        return ignored[0][0], None, "", "the mapping leaves it alone"
    situation, is_new, entity = run.sql("SELECT situation, is_new, entity FROM resolved LIMIT 1")[0]
    return situation, None if is_new else entity, "", ""


def _reaction(output: Output, situation: str) -> str:
    written = getattr(output, situation, "")
    if isinstance(written, str):
        return written
    return ", ".join(f"{step.then} when {step.when}" if step.when else step.then for step in written)


def _rule(run: RunFile, title: str, at_least: float | None, review: float | None) -> RuleTold:
    rows = run.sql(f"SELECT DISTINCT entity, score, why FROM traced WHERE rule = {sql_text(title)}")
    ranked = sorted(rows, key=lambda row: (-row[1], str(row[0])))
    found = tuple(Candidate(entity, score, json.loads(why)) for entity, score, why in ranked[:MOST])
    return RuleTold(title, at_least, review, len(rows), found)


def _unmapped(run: RunFile, mapping: MappingFile, output: Output, compiled: Compiled, key: str) -> Why:
    text = sql_text(key)
    kept = f"SELECT key, code, {told(compiled)} FROM rejected"
    if rejected := run.sql(f"SELECT code, message FROM ({kept}) WHERE key = {text} LIMIT 1"):
        situation, code, message = "quarantined", *rejected[0]
    elif run.one(f"SELECT count(*) FROM fresh WHERE key = {text}"):
        situation, code, message = "out_of_scope", "", "the record does not meet where"
    else:
        raise ConfigError(
            "why.key",
            f"{mapping.from_} gives no record {key}",
            hint="write the key as cophub quarantine shows it",
        )
    entity = run.one("SELECT entity FROM own")
    reaction = output.out_of_scope.reaction if situation == "out_of_scope" else ""
    return Why(mapping.mapping, output.into, key, situation, reaction, entity, code, message, (), None)
