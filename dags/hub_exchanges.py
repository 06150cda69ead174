"""The exchanges of the workspace around this folder, each a DAG of Airflow."""

from pathlib import Path

from hub.airflow.factory import exchanges

globals().update(exchanges(Path(__file__).parents[1]))
