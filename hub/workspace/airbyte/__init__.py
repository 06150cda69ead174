"""Low-code manifests of Airbyte as profiles of the connector rest: they are translated, and nothing of them runs."""
