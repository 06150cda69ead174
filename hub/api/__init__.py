"""The API: FastAPI under /v1."""
