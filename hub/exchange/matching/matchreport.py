"""The match report of a baseline: every record and every entity, and what they found of each other.

``matching`` (side, key, situation, rule, confidence, entity, candidates): records with the rule that linked
them or the doubt they are in, and entities that no record of the source stands for. Keys and ids only.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hub.exchange.ground import Hub
from hub.exchange.manifest import Manifest
from hub.exchange.matching.resolve import Resolved
from hub.exchange.runfile import RunFile, open_run, sql_text
from hub.exchange.staging import take
from hub.security.masking import is_classified
from hub.store import linking, matched
from hub.store.bulk import Bulk
from hub.store.matched import Report
from hub.workspace.shape import ModelFile

CONTEXT = "match-report"
SAMPLES = 5
COLUMNS = ("side", "key", "situation", "rule", "confidence", "entity", "candidates")


def find_matches(
    run: RunFile, session: Bulk, hub: Hub, source: int, model: ModelFile, resolved: Resolved
) -> Resolved:
    """Make ``matching`` after resolve; a baseline links what it finds and creates nothing."""
    take(run, "linked_before", linking.all_links(session, source, outbound=False))
    take(run, "living", linking.living(session, hub.database, model.model, _shown_key(model)))
    run.sql("""CREATE OR REPLACE TABLE matching AS
        SELECT 'record' AS side, r.key, r.situation, coalesce(t.rule, '') AS rule, t.confidence, r.entity,
            0::BIGINT AS candidates FROM resolved r LEFT JOIN matched t ON t.key = r.key WHERE NOT r.is_new
        UNION ALL SELECT 'record', key, 'unmatched', '', NULL, NULL, 0 FROM (
            SELECT key FROM resolved WHERE is_new UNION SELECT key FROM ignored)
        UNION ALL SELECT 'record', v.key, any_value(v.code), any_value(v.field), max(p.score), NULL,
            count(DISTINCT p.entity) FROM verdict v LEFT JOIN proposal p ON p.key = v.key
            WHERE v.state = 'in_review' GROUP BY v.key
        UNION ALL SELECT 'record', key, any_value(code), '', NULL, NULL, 0 FROM verdict
            WHERE state <> 'in_review' GROUP BY key
        UNION ALL SELECT 'record', b.key, 'linked', '', NULL, b.entity, 0 FROM linked_before b
            ANTI JOIN resolved r ON r.key = b.key ANTI JOIN verdict v ON v.key = b.key""")
    run.sql("""INSERT INTO matching SELECT 'entity', l.called, 'without record', '', NULL, l.entity, 0
        FROM living l ANTI JOIN matching m ON m.entity = l.entity""")
    run.sql("DELETE FROM resolved WHERE is_new")
    return dataclasses.replace(resolved, unmatched=0, ignored=resolved.ignored + resolved.unmatched)


def _shown_key(model: ModelFile) -> list[str]:
    """Key fields that anybody may see."""
    return [name for name in model.key if not is_classified(model.fields[name].level)]


def store_report(hub: Hub, run: RunFile, manifest: Manifest, run_id: uuid.UUID) -> None:
    """Keep the rows sealed, and the summary in the store. Only a baseline has one."""
    if manifest.direction != "inbound" or manifest.mode != "link_only":
        return
    run.use(manifest.number)
    path = run.stage / f"matching-{manifest.number}.parquet"
    ordered = "SELECT * FROM matching ORDER BY side DESC, situation, key"
    run.sql(f"COPY ({ordered}) TO {sql_text(str(path))} (FORMAT parquet)")
    digest = hub.keep.put(path.read_bytes(), CONTEXT)
    path.unlink()
    matched.add(
        hub.database, run_id, manifest.number, manifest.exchange, manifest.output, _summary(run), digest
    )


def _summary(run: RunFile) -> dict[str, Any]:
    situations = dict(
        run.sql("SELECT situation, count(*) FROM matching WHERE side = 'record' GROUP BY 1 ORDER BY 2 DESC, 1")
    )
    rules = dict(
        run.sql("SELECT rule, count(*) FROM matching WHERE situation = 'unlinked' GROUP BY 1 ORDER BY 2 DESC, 1")
    )
    samples: dict[str, list[str]] = {}
    for situation, key in run.sql(f"""SELECT situation, coalesce(nullif(key, ''), CAST(entity AS VARCHAR))
            FROM matching WHERE situation NOT IN ('linked', 'unlinked')
            QUALIFY row_number() OVER (PARTITION BY situation ORDER BY key) <= {SAMPLES} ORDER BY 1, 2"""):
        samples.setdefault(situation, []).append(key)
    living = run.one("SELECT count(*) FROM living")
    alone = run.one("SELECT count(*) FROM matching WHERE side = 'entity'")
    return {
        "records": sum(situations.values()),
        "situations": situations,
        "rules": rules,
        "entities": living,
        "with_record": living - alone,
        "without_record": alone,
        "samples": samples,
    }


def rows_of(hub: Hub, report: Report) -> Iterator[tuple[Any, ...]]:
    """Every row of a stored report, in the order of COLUMNS."""
    with open_run(hub.scratch, hub.memory, hub.threads) as run:
        path = Path(run.stage / "report.parquet")
        path.write_bytes(hub.keep.get(report.digest, CONTEXT))
        listed = ", ".join(COLUMNS)
        for batch in run.reader(f"SELECT {listed} FROM read_parquet({sql_text(str(path))})"):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
