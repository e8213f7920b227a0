"""The value types of the public API: prompts, masks, embeddings, examples and records."""

from __future__ import annotations

from anymask.types.context import Context
from anymask.types.embedding import Embedding
from anymask.types.masks import Masks
from anymask.types.prompt import Prompt
from anymask.types.record import PER_MASK, Record, Source

__all__ = ["PER_MASK", "Context", "Embedding", "Masks", "Prompt", "Record", "Source"]
