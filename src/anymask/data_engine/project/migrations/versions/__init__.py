"""One script for each version of the tables."""

from __future__ import annotations
