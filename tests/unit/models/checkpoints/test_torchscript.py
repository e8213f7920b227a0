"""TorchScript archives: their tensors are read, their code is not run, and damaged ones are refused."""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from anymask.errors import WeightsError
from anymask.models.checkpoints.load import build, load_clip
from anymask.models.checkpoints.torchscript import is_archive, read_tensors
from anymask.models.clip import Clip
from anymask.models.config import CLIP_DEBUG

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def tree(state: dict[str, Tensor]) -> nn.Module:
    """Nested modules without code that hold the tensors of a state dict."""
    root = nn.Module()
    for path, tensor in state.items():
        *parents, name = path.split(".")
        module = root
        for parent in parents:
            if parent not in module._modules:
                module.add_module(parent, nn.Module())
            module = getattr(module, parent)
        module.register_buffer(name, tensor)
    return root


@pytest.fixture(scope="module")
def model() -> Clip:
    torch.manual_seed(0)
    return build(replace(CLIP_DEBUG, image_dim=64, image_heads=1, text_dim=64, text_heads=1)).half().eval()


@pytest.fixture
def archive(model: Clip, tmp_path: Path) -> Path:
    """As OpenAI's files: half precision, three numbers besides the weights."""
    numbers = {"input_resolution": 32, "context_length": 16, "vocab_size": 514}
    state = model.state_dict() | {name: torch.tensor(value) for name, value in numbers.items()}
    torch.jit.save(torch.jit.script(tree(state)), str(tmp_path / "clip.pt"))
    return tmp_path / "clip.pt"


def test_the_weights_are_those_that_torch_reads(archive: Path, model: Clip) -> None:
    assert is_archive(archive)
    expected = torch.jit.load(str(archive)).state_dict()
    found = read_tensors(archive)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    ours = load_clip(archive)
    assert ours.config == model.config
    assert torch.equal(ours.visual.proj, model.visual.proj.float())


class Everything(nn.Module):
    """Attributes of all kinds that modules of PyTorch have, views of one storage, and code."""

    def __init__(self) -> None:
        super().__init__()
        base = torch.arange(24.0)
        self.register_buffer("turned", base.view(4, 6).T)
        self.register_buffer("part", base[5:9])
        self.register_buffer("scalar", torch.tensor(7))
        self.convolution = nn.Conv2d(1, 2, 3, padding=1)
        self.norm = nn.BatchNorm1d(2)
        self.numbers = [1, 2]
        self.shares = [0.5]
        self.named = {"a": 1}
        self.label = "text"

    def forward(self, x: Tensor) -> Tensor:
        return self.convolution(x) * self.shares[0] + self.numbers[0] + self.named["a"] + len(self.label)


def test_views_and_other_attributes(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(Everything()), str(tmp_path / "all.pt"))
    found = read_tensors(tmp_path / "all.pt")
    expected = torch.jit.load(str(tmp_path / "all.pt")).state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_an_ordinary_checkpoint_is_no_archive(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(b"PK\x03\x04 and nothing more")
    assert not is_archive(tmp_path / "a.pt")
    assert not is_archive(tmp_path / "b.pt")


def rewritten(archive: Path, changes: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """The archive with other content in some of its files."""
    out = archive.with_name("changed.pt")
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(out, "w", compression) as new:
        for name in old.namelist():
            new.writestr(name, changes.get(name.partition("/")[2], old.read(name)))
    return out


def refusal(path: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        load_clip(path)
    return str(caught.value)


class Call:
    """Calls a function when unpickled."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.called = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.called


@pytest.mark.parametrize("function", [Path.touch, torch.load, eval, OrderedDict.fromkeys])
def test_nothing_is_called(
    function: Callable[..., Any], archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    argument = Path("exploded") if function is Path.touch else "exploded"
    message = refusal(rewritten(archive, {"data.pkl": pickle.dumps(Call(function, argument), 2)}))
    assert "must hold tensors only, got Python objects, which can run any code" in message
    assert not (tmp_path / "exploded").exists()


def module_pickle(body: bytes, changed: bytes = b"") -> bytes:
    """A module whose attributes are the dictionary that `body` pushes; `changed` comes first."""
    return b"\x80\x02" + changed + b"c__torch__.m\nM\n)\x81" + body + b"b."


def test_a_pickle_cannot_change_the_classes_it_is_read_with(archive: Path) -> None:
    # (None, {"content": 1}) as the state of a class sets its attributes
    change = b"c__torch__.m\nM\nN}X\x07\x00\x00\x00contentK\x01s\x86b0"
    assert "__setstate__" in refusal(rewritten(archive, {"data.pkl": module_pickle(b"}", change)}))


@pytest.mark.parametrize(
    ("pickled", "said"),
    [
        (b"\x80\x02r\xff\xff\xff\x7f.", "memo index"),
        (module_pickle(b"K\x01"), "a module without attributes"),
        (b"\x80\x02K\x01.", "must hold named tensors only"),
        (b"\x80\x02X\xff\xff\xff\x7fabc.", "corrupt"),
        (b"", "corrupt"),
    ],
)
def test_damaged_descriptions_are_refused(pickled: bytes, said: str, archive: Path) -> None:
    assert said in refusal(rewritten(archive, {"data.pkl": pickled}))


class Node:
    """Pickles as a module of an archive."""

    def __init__(self, **attributes: Any) -> None:
        self.attributes = attributes


class View:
    """Pickles as a tensor of an archive."""

    def __init__(self, length: Any, offset: Any, size: Any, stride: Any, key: str = "0") -> None:
        self.arguments = ("storage", "float", key, "cpu", length), offset, size, stride, False, None


def described(root: Node) -> bytes:
    """The pickle of a tree, written by the pure Python pickler: it lets globals be any name."""
    import io

    class Pickler(pickle._Pickler):  # type: ignore[name-defined,misc]
        def persistent_id(self, value: Any) -> Any:
            return None

        def save(self, value: Any, save_persistent_id: bool = True) -> None:
            if isinstance(value, Node):
                self.write(b"c__torch__.m\nM\n)\x81")
                self.save(value.attributes)
                self.write(b"b")
            elif isinstance(value, View):
                (kind, _, *rest), *others = value.arguments
                self.write(b"ctorch._utils\n_rebuild_tensor_v2\n((")
                self.save(kind)
                self.write(b"ctorch\nFloatStorage\n")
                for part in rest:
                    self.save(part)
                self.write(b"tQ")
                for part in others:
                    self.save(part)
                self.write(b"tR")
            else:
                super().save(value, save_persistent_id)

    stream = io.BytesIO()
    Pickler(stream, 2).dump(root)
    return stream.getvalue()


FLOATS = 6


@pytest.fixture
def floats(tmp_path: Path) -> Path:
    """An archive of one storage of six floats."""
    torch.jit.save(torch.jit.script(tree({"a": torch.arange(float(FLOATS))})), str(tmp_path / "floats.pt"))
    return tmp_path / "floats.pt"


def test_a_described_view_is_read(floats: Path) -> None:
    root = Node(part=Node(view=View(FLOATS, 1, (2, 2), (3, 1))))
    found = read_tensors(rewritten(floats, {"data.pkl": described(root)}))
    assert found["part.view"].tolist() == [[1, 2], [4, 5]]


@pytest.mark.parametrize(
    "view",
    [
        View(FLOATS, 0, (7,), (1,)),
        View(FLOATS, 5, (2,), (1,)),
        View(FLOATS, 0, (2, 2), (5, 1)),
        View(FLOATS + 1, 0, (7,), (1,)),
        View(FLOATS, 0, (1 << 40,), (0,)),
        View(FLOATS, -1, (1,), (1,)),
        View(FLOATS, 0, (2,), (-1,)),
        View(FLOATS, 0, (2,), (1, 1)),
        View(FLOATS, 0.5, (2,), (1,)),
        View(FLOATS, 0, (2,), (1,), key="9"),
        View(FLOATS, 0, (2,), (1,), key="../data.pkl"),
    ],
)
def test_a_tensor_beyond_its_storage_is_refused(view: View, floats: Path) -> None:
    assert "truncated or corrupt" in refusal(rewritten(floats, {"data.pkl": described(Node(view=view))}))


def test_many_views_of_one_storage_do_not_add_up_to_more_than_the_file(floats: Path) -> None:
    views = {f"v{i}": View(FLOATS, 0, (FLOATS,), (1,)) for i in range(1000)}
    root = described(Node(**views))
    assert len(views) * FLOATS * 4 < len(root)  # each name takes more than its tensor
    big = rewritten(
        floats,
        {
            "data.pkl": described(
                Node(v=View(1 << 20, 0, (1 << 20,), (1,)), w=View(1 << 20, 0, (1 << 20,), (1,)))
            ),
            "data/0": bytes(4 << 20),
        },
    )
    assert "a tensor larger than its storage" in refusal(big)


def test_modules_in_a_circle_or_too_deep_end(floats: Path) -> None:
    inner: Node = Node(view=View(FLOATS, 0, (1,), (1,)))
    for _ in range(40):
        inner = Node(m=inner)
    assert "too many levels" in refusal(rewritten(floats, {"data.pkl": described(inner)}))
    circle = b"\x80\x02c__torch__.m\nM\n)\x81q\x00}X\x01\x00\x00\x00mh\x00sb."
    assert read_tensors(rewritten(floats, {"data.pkl": circle})) == {}


def test_compressed_files_are_refused(archive: Path) -> None:
    message = refusal(rewritten(archive, {"data/0": bytes(1 << 22)}, zipfile.ZIP_DEFLATED))
    assert "data.pkl compressed" in message


def test_a_truncated_archive_is_refused(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:2000])
    assert "truncated or corrupt" in refusal(archive)
