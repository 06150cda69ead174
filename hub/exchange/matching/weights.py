"""What a rule of likeness would weigh, estimated from the records that its source has now."""

from __future__ import annotations

from hub.errors import ConfigError
from hub.exchange.ground import Hub
from hub.exchange.matching.alone import mapped_alone
from hub.exchange.matching.batch import Batch
from hub.exchange.matching.decided import consult, know_merges
from hub.exchange.matching.fuzzy import golden_forms, prepare
from hub.exchange.matching.learn import Learned, learn
from hub.exchange.matching.references import look_up
from hub.exchange.matching.resolve import TABLES
from hub.exchange.staging import take
from hub.store import entities, shadows


def estimate_weights(hub: Hub, exchange: str, number: int = 0) -> list[tuple[str, Learned]]:
    """For each rule of likeness its title and what it should say, from the records that are not linked yet: beside
    the entities, or among themselves where there are none. ConfigError ``match.direction`` and ``weights.none``."""
    with mapped_alone(hub, exchange, number) as at:
        run, output = at.run, at.mapping.outputs[at.compiled.number]
        model = hub.workspace.models[output.into]
        batch = Batch(run, at.session, hub.database, at.source, output, model, at.compiled)
        for name, columns in TABLES.items():
            run.sql(f"CREATE OR REPLACE TABLE {name} ({columns})")
        take(run, "known", shadows.links(at.session, at.source, None))
        know_merges(run, at.session, model.model)
        look_up(batch)
        consult(run, at.session, at.source)
        populated = entities.any_there(at.session, hub.database, model.model)
        found = []
        for rule in output.match:
            if not rule.fuzzy or (made := prepare(batch, rule)) is None:
                continue
            if populated:
                golden_forms(batch, made)
            if learned := learn(made, "golden_form" if populated else "new_form"):
                found.append((rule.title, learned))
    if not found:
        raise ConfigError(
            "weights.none",
            f"{exchange} gives no pair of an unlinked record and something alike to learn from",
            hint="write a rule with at_least or review and with block, and ask before its records are linked",
        )
    return found
