"""`protocol.TextEncoder` for a CLIP: texts to tokens, the network, unit vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from anymask.models.clip import Clip
from anymask.models.clip_tokenizer import ClipTokenizer
from anymask.models.protocol import Floats

__all__ = ["ClipTextEncoder"]


class ClipTextEncoder:
    """The text encoder of a CLIP and its tokenizer. The image encoder is not kept."""

    def __init__(self, model: Clip, tokenizer: ClipTokenizer) -> None:
        self.width, self.fingerprint = model.config.embed, model.fingerprint
        self._model, self._tokenizer = model.eval(), tokenizer
        if hasattr(model, "visual"):
            del model.visual

    @torch.inference_mode()
    def encode_texts(self, texts: Sequence[str]) -> Floats:
        """As `TextEncoder.encode_texts`."""
        if not texts:
            return np.zeros((0, self.width), np.float32)
        tokens = torch.from_numpy(self._tokenizer(texts)).to(self._model.device)
        found = torch.nn.functional.normalize(self._model.encode_texts(tokens).float(), dim=1)
        out: Floats = found.cpu().numpy()
        return out
