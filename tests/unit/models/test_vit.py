"""The vision transformer against plain, slow formulas."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from anymask.errors import InputError
from anymask.models import vit
from anymask.models.config import VitConfig
from anymask.models.protocol import slices
from anymask.models.vit import Attention, Block, Vit, attend, relative_table, resize_positions

TINY = VitConfig(dim=16, depth=3, heads=2, global_blocks=(1,), window=3, out_channels=8, image_size=80)


def random_attention(grid_hw: tuple[int, int] = (5, 4)) -> Attention:
    torch.manual_seed(0)
    attention = Attention(16, 2, grid_hw).double()
    for table in (attention.rel_pos_h, attention.rel_pos_w):
        torch.nn.init.normal_(table)
    return attention


def plain_attention(attention: Attention, x_HWC: Tensor) -> Tensor:
    """One pair of positions at a time, as the formula of MViTv2 reads."""
    height, width, channels = x_HWC.shape
    depth = channels // attention.heads
    q, k, v = attention.qkv(x_HWC).view(height, width, 3, attention.heads, depth).unbind(2)
    out = torch.zeros(height, width, attention.heads, depth, dtype=x_HWC.dtype)
    places = [(row, column) for row in range(height) for column in range(width)]
    for row, column in places:
        scores = []
        for other_row, other_column in places:
            query = q[row, column]
            near = attention.rel_pos_h[row - other_row + height - 1]
            near = near + attention.rel_pos_w[column - other_column + width - 1]
            content = (query * k[other_row, other_column]).sum(1) / depth**0.5
            scores.append(content + query @ near)
        weights = torch.stack(scores).softmax(0)
        for index, (other_row, other_column) in enumerate(places):
            out[row, column] += weights[index][:, None] * v[other_row, other_column]
    return torch.as_tensor(attention.proj(out.flatten(2)))


@pytest.fixture(params=[True, False], ids=["training", "inference"])
def _recording(request: pytest.FixtureRequest) -> Iterator[None]:
    """With gradients attention takes PyTorch's kernel, without them on a processor its own way."""
    with torch.set_grad_enabled(request.param):
        yield


@pytest.mark.usefixtures("_recording")
def test_global_attention_equals_the_plain_formula() -> None:
    attention = random_attention()
    x = torch.randn(2, 5, 4, 16, dtype=torch.float64)
    ours = attention(x)
    for index in range(2):
        torch.testing.assert_close(ours[index], plain_attention(attention, x[index]))


@pytest.mark.usefixtures("_recording")
@pytest.mark.parametrize("hw", [(5, 4), (2, 7), (6, 3)])
def test_windows_equal_attention_in_each_window_padded_with_zeros(hw: tuple[int, int]) -> None:
    attention = random_attention((3, 3))
    x = torch.randn(2, *hw, 16, dtype=torch.float64)
    padded = torch.zeros(2, 6, 9, 16, dtype=torch.float64)
    padded[:, : hw[0], : hw[1]] = x
    expected = torch.zeros_like(padded)
    for image, top, left in itertools.product((0, 1), (0, 3), (0, 3, 6)):
        cell = (image, slice(top, top + 3), slice(left, left + 3))
        expected[cell] = plain_attention(attention, padded[cell])
    torch.testing.assert_close(attention(x, window=3), expected[:, : hw[0], : hw[1]])


@pytest.mark.usefixtures("_recording")
@pytest.mark.parametrize("scores", [1, 100, 500, 10_000])
def test_number_of_scores_at_once_changes_nothing(scores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows of queries, six of keys, as the canvas of an example has; from one query to all heads."""
    generator = torch.Generator().manual_seed(1)
    q, k, v = (torch.randn(2, 3, n, 8, generator=generator, dtype=torch.float64) for n in (8, 24, 24))
    table_h, table_w = (
        torch.randn(*n, 8, generator=generator, dtype=torch.float64) for n in ((2, 6), (4, 4))
    )
    bias = torch.einsum("gahwd,hyd->gahwy", q.unflatten(2, (2, 4)), table_h)[..., None]
    bias = bias + torch.einsum("gahwd,wxd->gahwx", q.unflatten(2, (2, 4)), table_w)[..., None, :]
    expected = (q @ k.transpose(2, 3) / 8**0.5 + bias.reshape(2, 3, 8, 24)).softmax(-1) @ v
    monkeypatch.setattr(vit, "CPU_SCORES", scores)
    torch.testing.assert_close(attend(q.requires_grad_(), k, v, table_h, table_w), expected)


def test_half_precision_is_near() -> None:
    attention = random_attention((3, 3)).float()
    x = torch.randn(1, 5, 4, 16)
    expected = attention(x, window=3)
    with torch.inference_mode():
        half = attention.bfloat16()(x.bfloat16(), window=3)
        with torch.autocast("cpu", torch.bfloat16):
            autocast = attention.float()(x, window=3)
    assert half.dtype == autocast.dtype == torch.bfloat16
    for found in (half, autocast):
        assert (found - expected).abs().max() < 0.03 * expected.abs().max()


def test_exporters_see_no_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    attention, x = random_attention(), torch.randn(1, 5, 4, 16, dtype=torch.float64)
    with torch.no_grad():
        expected = attention(x)
        monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
        monkeypatch.delattr(vit, "_attend_in_cache")
        torch.testing.assert_close(attention(x), expected)


def test_slices_cover_the_length() -> None:
    assert slices(5, 2) == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert slices(5, 0)[-1] == slice(4, 5)
    assert slices(5, 9) == [slice(0, 5)]


def test_gradients_reach_every_parameter() -> None:
    model = Vit(TINY)
    model(torch.randn(1, 3, 80, 80)).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_gradient_of_attention_is_that_of_the_plain_formula() -> None:
    attention = random_attention((2, 3))
    x = torch.randn(1, 2, 3, 16, dtype=torch.float64, requires_grad=True)
    parameters = [x, *attention.parameters()]
    weights = torch.randn(2, 3, 16, dtype=torch.float64)
    ours = torch.autograd.grad((attention(x)[0] * weights).sum(), parameters)
    plain = torch.autograd.grad((plain_attention(attention, x[0]) * weights).sum(), parameters)
    torch.testing.assert_close(ours, plain)


def test_relative_table_holds_the_vector_of_each_distance() -> None:
    rel_pos = torch.arange(5.0)[:, None]
    assert relative_table(rel_pos, 3)[..., 0].tolist() == [[2, 1, 0], [3, 2, 1], [4, 3, 2]]


def test_relative_table_interpolates_other_sizes() -> None:
    rel_pos = torch.arange(5.0)[:, None]
    table = relative_table(rel_pos, 5)[..., 0]
    assert table.shape == (5, 5)
    torch.testing.assert_close(table.diagonal(), torch.full((5,), 2.0))
    torch.testing.assert_close(table + table.t(), torch.full((5, 5), 4.0))
    assert (table[:, 0].diff() >= 0).all()


def test_positions_of_the_learned_size_are_left_alone() -> None:
    positions = torch.randn(1, 4, 5, 2)
    assert resize_positions(positions, (4, 5)) is positions
    assert resize_positions(positions, (8, 3)).shape == (1, 8, 3, 2)


@pytest.mark.parametrize(("height", "width"), [(80, 80), (48, 112), (16, 16)])
def test_any_multiple_of_the_patch_is_an_input(height: int, width: int) -> None:
    with torch.inference_mode():
        features = Vit(TINY).eval()(torch.randn(2, 3, height, width))
    assert features.shape == (2, 8, height // 16, width // 16)


def test_other_sides_are_refused() -> None:
    with pytest.raises(InputError, match=r"images must have sides that are multiples of 16, got 80 x 81"):
        Vit(TINY)(torch.randn(1, 3, 80, 81))


def test_images_of_a_batch_do_not_touch_each_other() -> None:
    model = Vit(TINY).eval()
    images = torch.randn(2, 3, 80, 80)
    with torch.inference_mode():
        torch.testing.assert_close(model(images)[1:], model(images[1:]), atol=1e-5, rtol=1e-5)


def test_block_is_the_sum_of_its_branches() -> None:
    block = Block(16, 2, (4, 4)).eval()
    x = torch.randn(1, 4, 4, 16)
    middle = x + block.attend(x)
    torch.testing.assert_close(block(x), middle + block.feed(middle))


def test_drop_path_grows_with_depth_and_acts_in_training_alone() -> None:
    config = VitConfig(dim=16, depth=3, heads=2, global_blocks=(), window=3, image_size=80, drop_path=0.4)
    model = Vit(config)
    assert [block.drop_path.rate for block in model.blocks] == pytest.approx([0.0, 0.2, 0.4])
    x = torch.randn(64, 5, 5, 16)
    last = model.blocks[-1]
    dropped = (last.attend(x) == 0).flatten(1).all(1)
    assert 0 < dropped.sum() < 64
    last.eval()
    assert not (last.attend(x) == 0).flatten(1).all(1).any()
