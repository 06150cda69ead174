"""What is wrong in the workspace, as an import error of its own: Airflow shows it, and every other DAG stays."""

from pathlib import Path

from hub.airflow.factory import require_valid

require_valid(Path(__file__).parents[1])
