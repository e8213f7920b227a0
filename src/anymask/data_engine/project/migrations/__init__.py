"""Alembic scripts that migrate a database of an older version."""

from __future__ import annotations
