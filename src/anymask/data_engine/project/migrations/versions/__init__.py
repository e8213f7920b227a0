"""One script per version of the tables."""

from __future__ import annotations
