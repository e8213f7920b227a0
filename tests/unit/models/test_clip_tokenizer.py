"""CLIP's tokens: equal to transformers' on captions of many scripts, from every form of a vocabulary."""

from __future__ import annotations

import gzip
import json
import random
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from anymask.errors import MissingExtraError, PromptError, WeightsError
from anymask.models.clip_tokenizer import ClipTokenizer, find_vocabulary, read_tokenizer

MERGES, CONTEXT = 300, 77
SIZE = 512 + MERGES + 2
SCRIPTS = (
    "abcdefghijklmnopqrstuvwxyz",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÜßÉÈÇİŒ",
    "αβγδεζηθικλμνξοπρστυφχψωΑΣΩ",
    "абвгдежзийклмнопрстуфхцчшщыэюяЖЩ",
    "אבגדהוזחטיכלמנסעפצקרשת",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "अआइईउऊएऐओऔकखगघचछजझटठडढणतथद",
    "กขคงจฉชซญดตถทธนบปผพภมยรลวศ",
    "一二三四五六七八九十人犬猫山川水火木金土",
    "あいうえおかきくけこサシスセソタチ",
    "가나다라마바사아자차카타파하",
    "😀🐈🐕🚗👩‍👧🇫🇷",
    "0123456789٣४Ⅷ½²",
    "e\u0301a\u0308n\u0303",
)
PIECES = (
    "'s",
    "don't",
    "I'M",
    "we'll",
    "...",
    "!?",
    "&amp;",
    "a/b",
    "\t",
    "\n ",
    "\u00a0",
    "<|endoftext|>",
    "_",
)


def captions() -> list[str]:
    """1,000 of them, the same every time."""
    chance = random.Random(1)

    def word() -> str:
        if chance.random() < 0.2:
            return chance.choice(PIECES)
        return "".join(chance.choices(chance.choice(SCRIPTS), k=chance.randint(1, 5)))

    return [" ".join(word() for _ in range(chance.randint(1, 4))) for _ in range(1000)]


def letters() -> list[str]:
    """The letters of the 256 bytes, as GPT-2's vocabulary orders them."""
    plain = [byte for byte in range(256) if chr(byte).isprintable() and byte not in (32, 0xA0, 0xAD)]
    return [chr(byte) for byte in plain] + [chr(256 + n) for n in range(256 - len(plain))]


def learned() -> list[tuple[str, str]]:
    """The most frequent pairs, merged one after the other."""
    plain = letters()
    letter_of = dict(zip([b for b in range(256) if chr(b) in plain], plain, strict=False))
    letter_of |= dict(
        zip([b for b in range(256) if chr(b) not in plain], plain[len(letter_of) :], strict=True)
    )
    words = [
        [letter_of[byte] for byte in word.encode()] for text in captions() for word in text.lower().split()
    ]
    words = [[*word[:-1], word[-1] + "</w>"] for word in words]
    merges: list[tuple[str, str]] = []
    while len(merges) < MERGES:
        counts = Counter(pair for word in words for pair in pairwise(word))
        made = {"".join(pair) for pair in merges}
        best = next(pair for pair, _ in counts.most_common() if "".join(pair) not in made)
        merges.append(best)
        words = [merged(word, best) for word in words]
    return merges


def merged(word: list[str], pair: tuple[str, str]) -> list[str]:
    out: list[str] = []
    for part in word:
        if out and (out[-1], part) == pair:
            out[-1] += part
        else:
            out.append(part)
    return out


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: Any) -> Path:
    """A folder with one vocabulary in all of its forms."""
    folder = tmp_path_factory.mktemp("vocabulary")
    merges = [" ".join(pair) for pair in learned()]
    beyond = ["a b", "c d"]  # OpenAI's file holds more merges than the model has tokens for
    lines = ["#version: 0.2", *merges]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n")
    data = "\n".join([*lines, *beyond]) + "\n"
    (folder / "bpe_simple_vocab_16e6.txt.gz").write_bytes(gzip.compress(data.encode()))
    plain = letters()
    tokens = [*plain, *(letter + "</w>" for letter in plain), *(line.replace(" ", "") for line in merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: n for n, token in enumerate(tokens)}))
    return folder


@pytest.fixture(scope="module")
def peer(vocabulary: Path) -> Any:
    transformers = pytest.importorskip("transformers")
    merges = [tuple(line.split()) for line in (vocabulary / "merges.txt").read_text().splitlines()[1:]]
    return transformers.CLIPTokenizer(
        vocab=json.loads((vocabulary / "vocab.json").read_text()), merges=merges
    )


@pytest.fixture(scope="module")
def ours(vocabulary: Path) -> ClipTokenizer:
    return read_tokenizer(vocabulary / "bpe_simple_vocab_16e6.txt.gz", SIZE, CONTEXT)


@pytest.mark.parity
def test_the_tokens_of_1000_captions_are_those_of_transformers(ours: ClipTokenizer, peer: Any) -> None:
    texts = captions()
    assert len(set(texts)) > 900
    expected = [peer(text)["input_ids"] for text in texts]
    assert [ours([text])[0].tolist() for text in texts] == expected


def test_every_form_of_a_vocabulary_gives_the_same_tokens(
    vocabulary: Path, ours: ClipTokenizer, peer: Any, tmp_path: Path
) -> None:
    peer.save_pretrained(tmp_path)
    texts = captions()[:50]
    for path in (vocabulary / "vocab.json", vocabulary, tmp_path / "tokenizer.json", tmp_path):
        assert (read_tokenizer(path, SIZE, CONTEXT)(texts) == ours(texts)).all()


def test_shorter_texts_end_in_more_end_tokens(ours: ClipTokenizer) -> None:
    ids = ours(["a", "a red cup", ""])
    assert ids[0, :3].tolist()[::2] == [SIZE - 2, SIZE - 1]
    assert (ids[2] == [SIZE - 2, *[SIZE - 1] * (ids.shape[1] - 1)]).all()
    assert ours([]).shape == (0, 0)


def test_a_text_of_too_many_tokens_is_refused(ours: ClipTokenizer) -> None:
    assert ours(["! " * 75]).shape == (1, CONTEXT)
    with pytest.raises(PromptError, match=r"text must be at most 75 tokens long, got 76 in '! ! ! "):
        ours(["! " * 76])
    with pytest.raises(PromptError, match="at most 5000 characters long, got 10000"):
        ours(["a" * 10_000])


def test_the_vocabulary_of_another_model_is_refused(vocabulary: Path) -> None:
    with pytest.raises(
        WeightsError, match=f"must have the model's 49408 tokens, got {SIZE}. It belongs to ano"
    ):
        read_tokenizer(vocabulary / "vocab.json", 49408, CONTEXT)
    with pytest.raises(WeightsError, match=f"must have the model's 49408 tokens, got {SIZE + 2}"):
        read_tokenizer(vocabulary / "bpe_simple_vocab_16e6.txt.gz", 49408, CONTEXT)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("vocab.json", b'{"a": 0, "<|startoftext|>": 1, "<|endoftext|>": 1}'),
        ("vocab.json", b'{"<|startoftext|>": 1, "<|endoftext|>": 0}'),
        ("vocab.json", b'{"a": 0}'),
        ("vocab.json", b"[1]"),
        ("vocab.json", b"\xff"),
        ("tokenizer.json", b'{"model": {}, "added_tokens": []}'),
        ("bpe_simple_vocab_16e6.txt.gz", b"no gzip"),
        ("bpe_simple_vocab_16e6.txt.gz", gzip.compress(b"#version\na b\nab c d\n", mtime=0)),
        ("bpe_simple_vocab_16e6.txt.gz", gzip.compress(b"#version\nqq z\n", mtime=0)),
    ],
)
def test_other_files_are_refused(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match="must be CLIP's vocabulary, got another or a damaged file"):
        read_tokenizer(tmp_path / name, SIZE, CONTEXT)


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anymask.models.clip_tokenizer._MOST_BYTES", 1000)
    path = tmp_path / "bpe_simple_vocab_16e6.txt.gz"
    path.write_bytes(gzip.compress(bytes(2000)))
    with pytest.raises(WeightsError, match="more than 64 MB"):
        read_tokenizer(path, SIZE, CONTEXT)


def test_the_vocabulary_is_found_beside_the_weights(vocabulary: Path, tmp_path: Path) -> None:
    assert find_vocabulary(vocabulary / "ViT-B-32.pt").name == "vocab.json"
    with pytest.raises(WeightsError, match="must lie beside the weights, got none"):
        find_vocabulary(tmp_path)


def test_a_missing_package_answers_with_the_command(
    vocabulary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(MissingExtraError, match=r"a text encoder needs .*\[clip\]"):
        read_tokenizer(vocabulary, SIZE, CONTEXT)
