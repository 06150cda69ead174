"""Exchanges as DAGs of Airflow (``cophub[airflow]``): Airflow says when, the hub executes.

``manifest`` keeps what the YAML says, compiled once; ``factory`` makes a DAG of every entry for the stubs in ``dags/``;
``operator`` calls ``run_exchange``; ``callbacks`` note what failed. The core never imports this package.
"""
