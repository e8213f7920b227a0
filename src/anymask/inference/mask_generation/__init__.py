"""Masks of everything in an image, without a prompt (SAM, section 5 and appendix B)."""

from __future__ import annotations

from anymask.inference.mask_generation.candidates import Candidates
from anymask.inference.mask_generation.config import AutoConfig
from anymask.inference.mask_generation.filters import explain, select
from anymask.inference.mask_generation.generate import automatic, candidates

__all__ = ["AutoConfig", "Candidates", "automatic", "candidates", "explain", "select"]
