"""What was mapped, as a target takes it."""

from __future__ import annotations

from hub.exchange.runfile import HASH, RunFile, sql_name
from hub.mapping.compile import Compiled


def make_outputs(run: RunFile, compiled: Compiled) -> None:
    """``output_rows`` (key, hash, foreign_key, body) of what was ``mapped``: each as the JSON that is sent."""
    names = [sql_name(column.name) for column in compiled.columns]
    body = f"CAST(to_json(struct_pack({', '.join(f'{name} := {name}' for name in names)})) AS VARCHAR)"
    key = ", ".join(f"CAST({sql_name(name)} AS VARCHAR)" for name in compiled.target_key)
    run.sql(f"""CREATE OR REPLACE TABLE output_rows AS SELECT _key AS key, {HASH.format(body)} AS hash,
        CAST(to_json([{key}]) AS VARCHAR) AS foreign_key, {body} AS body FROM mapped""")
