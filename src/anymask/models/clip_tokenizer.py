"""CLIP's tokens: lower-cased byte pairs (Radford et al., 2021, section 2.4), from the model's own vocabulary.

The library `tokenizers` computes them, set up as `transformers.CLIPTokenizer` sets it up.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from anymask.errors import MissingExtraError, PromptError, WeightsError
from anymask.files import open_regular

__all__ = ["VOCABULARY_FILES", "ClipTokenizer", "find_vocabulary", "read_tokenizer"]

START, END = "<|startoftext|>", "<|endoftext|>"
VOCABULARY_FILES = ("tokenizer.json", "vocab.json", "bpe_simple_vocab_16e6.txt.gz")
"""Files of a vocabulary, as they are published with models; vocab.json goes with merges.txt."""
MOST_CHARACTERS = 5_000
"""Maximum length of a text, in characters: far more than `context` tokens hold."""
_MOST_BYTES = 1 << 26
_BYTES = 256
_PIECES = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
Merges: TypeAlias = Sequence[tuple[str, str]]


class ClipTokenizer:
    """Texts to token ids, with a start and an end token; the end token has the largest id."""

    def __init__(self, ids: Mapping[str, int], merges: Merges, context: int) -> None:
        """ids: the id of each token. merges: the pairs, in order. context: the most tokens of a text."""
        self.context, self.end = context, ids[END]
        self._tokenizer = _pipeline(ids, merges)

    def __call__(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Ids (N, T), T that of the longest text, at most `context`; shorter ones end in more end tokens.

        Raises PromptError for a text of more than `context` - 2 tokens: as in OpenAI's package, nothing is
        cut off.
        """
        found = [[self.end - 1, *self._ids(text), self.end] for text in texts]
        out = np.full((len(found), max(map(len, found), default=0)), self.end, np.int64)
        for row, ids in zip(out, found, strict=True):
            row[: len(ids)] = ids
        return out

    def _ids(self, text: str) -> list[int]:
        if len(text) > MOST_CHARACTERS:
            raise PromptError(
                f"text must be at most {MOST_CHARACTERS} characters long, got {len(text)}. "
                "Name one kind of thing."
            )
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        if len(ids) > self.context - 2:
            raise PromptError(
                f"text must be at most {self.context - 2} tokens long, got {len(ids)} in '{text[:30]}...'. "
                "Shorten it."
            )
        return ids


def find_vocabulary(weights: Path) -> Path:
    """The vocabulary beside the weights, a file or a folder. Raises WeightsError if there is none."""
    folder = weights if weights.is_dir() else weights.parent
    for name in VOCABULARY_FILES:
        if (folder / name).is_file():
            return folder / name
    raise WeightsError(
        f"a vocabulary ({', '.join(VOCABULARY_FILES)}) must lie beside the weights, got none in {folder}. "
        "Put it there, or give its path."
    )


def read_tokenizer(path: Path, size: int, context: int) -> ClipTokenizer:
    """Read a vocabulary: one of VOCABULARY_FILES, merges.txt beside vocab.json, or a folder with one of them.

    path: the file or folder.
    size: the number of tokens of the model.
    context: the most tokens of a text.

    Raises WeightsError for another file and for the vocabulary of another model, MissingExtraError without
    the package `tokenizers`.
    """
    file = find_vocabulary(path) if path.is_dir() else path
    try:
        ids, merges = _read(file, size)
        _check(ids, merges)
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsError(
            f"{file} must be CLIP's vocabulary, got another or a damaged file ({str(error)[:100]}). "
            f"Get {' or '.join(VOCABULARY_FILES)} of the model."
        ) from error
    if len(ids) != size:
        raise WeightsError(
            f"{file} must have the model's {size} tokens, got {len(ids)}. It belongs to another model."
        )
    return ClipTokenizer(ids, merges, context)


def _read(file: Path, size: int) -> tuple[dict[str, int], list[tuple[str, str]]]:
    if file.suffix != ".json":
        return _from_merges(_lines(file)[1 : size - 2 * _BYTES - 1])
    values = json.loads(_bytes(file))
    if "model" in values and "added_tokens" in values:  # tokenizer.json
        model = values["model"]
        added = {str(token["content"]): int(token["id"]) for token in values["added_tokens"]}
        return {**model["vocab"], **added}, [_pair(merge) for merge in model["merges"]]
    return values, [_pair(line) for line in _lines(file.with_name("merges.txt"))[1:] if line]


def _bytes(file: Path) -> bytes:
    with open_regular(file) as stream, gzip.GzipFile(fileobj=stream) as unpacked:
        data = (unpacked if file.suffix == ".gz" else stream).read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ValueError("more than 64 MB")
    return data


def _lines(file: Path) -> list[str]:
    return _bytes(file).decode("utf-8").split("\n")


def _pair(merge: Any) -> tuple[str, str]:
    first, second = merge.split(" ") if isinstance(merge, str) else merge
    return str(first), str(second)


def _from_merges(lines: Sequence[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """OpenAI's vocabulary: all bytes, all bytes at the end of a word, the merges, start and end."""
    merges = [_pair(line) for line in lines if line]
    letters = _byte_letters()
    tokens = [*letters, *(letter + "</w>" for letter in letters), *map("".join, merges), START, END]
    return {token: number for number, token in enumerate(tokens)}, merges


def _byte_letters() -> list[str]:
    """The letters that stand for the bytes, in OpenAI's order: printable bytes stand for themselves."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [*map(chr, plain), *(chr(_BYTES + number) for number in range(_BYTES - len(plain)))]


def _check(ids: Mapping[str, int], merges: Merges) -> None:
    """Raise ValueError unless ids are 0, 1, ..., start and end the last ones, and merges make tokens."""
    if sorted(ids.values()) != list(range(len(ids))):
        raise ValueError("ids that are not consecutive")
    if (ids[START], ids[END]) != (len(ids) - 2, len(ids) - 1):
        raise ValueError("a start or end token that is not the last")
    if any(part not in ids for pair in merges for part in (*pair, "".join(pair))):
        raise ValueError("a merge of unknown tokens")


def _pipeline(ids: Mapping[str, int], merges: Merges) -> Any:
    try:
        from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
        from tokenizers.models import BPE
    except ImportError as error:
        raise MissingExtraError("a text encoder", "clip") from error
    ending = "</w>"
    model = BPE(vocab=dict(ids), merges=list(merges), end_of_word_suffix=ending, unk_token=END)
    out = Tokenizer(model)
    out.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    split = pre_tokenizers.Split(Regex(_PIECES), behavior="removed", invert=True)
    out.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    out.add_special_tokens([START, END])
    return out
