"""Masks of everything in an image, without a prompt (SAM, section 5 and appendix B)."""

from __future__ import annotations

from anymask.automatic.config import AutoConfig
from anymask.automatic.filters import explain, select
from anymask.automatic.generate import automatic, candidates
from anymask.automatic.pool import Candidates

__all__ = ["AutoConfig", "Candidates", "automatic", "candidates", "explain", "select"]
