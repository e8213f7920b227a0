"""The exception tree and the phrases that name what was likely meant."""

from __future__ import annotations

import pickle

import pytest

from anymask import errors


@pytest.mark.parametrize(
    ("error", "parent"),
    [
        (errors.ImageError, errors.InputError),
        (errors.PromptError, errors.InputError),
        (errors.FormatError, errors.InputError),
        (errors.UnknownNameError, errors.InputError),
        (errors.OutputError, errors.InputError),
        (errors.InputError, ValueError),
        (errors.InputError, errors.AnymaskError),
        (errors.WeightsError, errors.AnymaskError),
        (errors.DownloadError, errors.AnymaskError),
        (errors.MissingExtraError, ImportError),
        (errors.MissingExtraError, errors.AnymaskError),
    ],
)
def test_tree(error, parent):
    assert issubclass(error, parent)


def test_docstring_draws_every_error():
    for name in errors.__all__:
        if name.endswith("Error"):
            assert name in errors.__doc__


def test_missing_extra_says_the_command():
    error = errors.MissingExtraError("writing TensorBoard logs", "train")
    said = "writing TensorBoard logs needs an optional package. Run: "
    assert str(error) == said + errors.install_command("train")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_nearest_names_the_likeliest():
    assert errors.nearest("sam_vitb", ["sam_vit_b", "compact"]) == "Did you mean 'sam_vit_b'?"


def test_nearest_lists_all_when_none_is_like_it():
    assert errors.nearest("zzz", ["sam_vit_b", "compact"]) == "Known: compact, sam_vit_b."
    assert errors.nearest("zzz", []) == "None is known."


def test_unknown_name():
    error = errors.unknown_name("model", "compct", ["compact", "sam_vit_b"])
    assert isinstance(error, errors.UnknownNameError)
    assert str(error) == "model must be a known name, got 'compct'. Did you mean 'compact'?"


def test_torch_on_linux_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Followed without a warning, the command once brought gigabytes of CUDA libraries."""
    monkeypatch.setattr(errors.sys, "platform", "linux")
    monkeypatch.setattr(errors, "_is_there", lambda package: package == "pip")
    assert "Without a GPU install PyTorch's CPU build" in str(errors.MissingExtraError("training", "train"))
    assert "GPU" not in str(errors.MissingExtraError("maps", "geo"))
    monkeypatch.setattr(errors, "_is_there", lambda package: True)
    assert "GPU" not in str(errors.MissingExtraError("training", "train"))
