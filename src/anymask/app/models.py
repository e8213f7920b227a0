"""The models of a server: loaded on first use, called one at a time."""

from __future__ import annotations

import gc
import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from anymask.app import onnx_cache
from anymask.app.error_handlers import busy
from anymask.app.onnx_cache import MANIFEST, SHIPPED
from anymask.app.settings import Settings
from anymask.errors import MissingExtraError, unknown_name
from anymask.files import sha256_of
from anymask.models.checkpoints import hub

if TYPE_CHECKING:
    from anymask.models import InContext, Promptable, Sam
    from anymask.types import Embedding

__all__ = ["Models"]

WAITING = 64
"""Largest number of waiting calls; further ones are refused."""
HELD = 8
"""Number of embeddings kept in memory."""

Result = TypeVar("Result")


class Models:
    """Promptable and in-context models by name."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is loaded yet."""
        self._settings = settings
        self._places = _named(settings.models)
        self._example_places = _named(settings.example_models)
        self._loaded: dict[str, Any] = {}
        self._fingerprints: dict[str, str] = {}
        self._loading, self._exporting = threading.Lock(), threading.Lock()
        self._worker = ThreadPoolExecutor(1, "model")
        self._waiting = threading.BoundedSemaphore(WAITING)
        self._embeddings: OrderedDict[str, Embedding] = OrderedDict()

    @property
    def names(self) -> list[str]:
        """Promptable models, the default one first."""
        return list(self._places)

    def offer(self, place: str) -> None:
        """Make a promptable model the default one; it is loaded on first use."""
        places = self._places
        name = next((name for name, known in places.items() if known == place), None)
        self._places = {name or _free_name(place, places): place, **places}

    @property
    def example_names(self) -> list[str]:
        """In-context models, the default one first."""
        return list(self._example_places)

    def sam(self, name: str | None) -> Promptable:
        """A promptable model, by default the first. Raises UnknownNameError and the errors of `load_sam`."""
        from anymask.models import load_sam

        model: Promptable = self._load(self.check(name), self._places, load_sam)
        return model

    def fingerprint(self, name: str | None) -> str:
        """The fingerprint of a promptable model, computed once. Raises the errors of `sam`."""
        chosen = self.check(name)
        if chosen not in self._fingerprints:
            self._fingerprints[chosen] = self.sam(chosen).fingerprint
        return self._fingerprints[chosen]

    def painter(self, name: str | None) -> InContext:
        """An in-context model, by default the first. Raises the errors of `sam`."""
        from anymask.models import load_painter

        model: InContext = self._load(self.check_examples(name), self._example_places, load_painter)
        return model

    def call(self, work: Callable[[], Result]) -> Result:
        """Call a function in the thread of the models. Raises HTTPException 503 if too many calls wait."""
        if not self._waiting.acquire(blocking=False):
            raise busy("The server is busy with other requests for models. Try again soon.")
        try:
            future: Future[Result] = self._worker.submit(work)
            return future.result()
        finally:
            self._waiting.release()

    def embedding(self, key: str, make: Callable[[], Embedding]) -> Embedding:
        """An embedding by its key, from memory or from `make`. Only for functions passed to `call`."""
        if key not in self._embeddings:
            self._embeddings[key] = make()
        self._embeddings.move_to_end(key)
        while len(self._embeddings) > HELD:
            self._embeddings.popitem(last=False)
        return self._embeddings[key]

    def exported(self, name: str, tell: Callable[[str], object] = str) -> Path:
        """The folder of a model's ONNX files, exported on first use; `tell` is called with each step.

        Raises UnknownNameError and the errors of `export`.
        """
        place = Path(self._places[self.check(name)]).expanduser()
        if (place / MANIFEST).is_file():
            return place
        folder = onnx_cache.folder_name(name, self._content(name))
        known = onnx_cache.found(folder)
        if known is not None:
            return known
        if name == SHIPPED:
            return onnx_cache.make_shipped(folder)

        def load() -> Sam:  # loaded again, since the served model may be in bfloat16
            from anymask.models import load_sam

            offline = self._settings.offline
            return load_sam(
                self._places[name], runtime="torch", device="cpu", dtype="float32", offline=offline
            )

        with self._exporting:
            return onnx_cache.make(load, name, folder, tell=tell)

    def check_places(self) -> None:
        """Find what would fail only when an image is opened: models that are missing or cannot be exported.

        Raises UnknownNameError, WeightsError, and MissingExtraError without the packages for an export.
        """
        for place in (*self._places.values(), *self._example_places.values()):
            if place not in hub.CARDS:
                hub.find(place)
        if onnx_cache.can_export():
            return
        for name, place in self._places.items():
            ready = name == SHIPPED or (Path(place).expanduser() / MANIFEST).is_file()
            file = None if ready else onnx_cache.weights_file(place)
            known = file and onnx_cache.found(onnx_cache.folder_name(name, sha256_of(file)))
            if not ready and not known:
                raise MissingExtraError(f"the model {name} in the browser", "export")

    def _content(self, name: str) -> str:
        """A hash of all weights of a model, decoder included: of their file, or of the loaded weights."""
        file = onnx_cache.weights_file(self._places[name])
        if file is not None:
            return sha256_of(file)
        from anymask.evaluate.report import model_hash
        from anymask.models import Sam

        model = self.sam(name)
        assert isinstance(model, Sam), "only a network has no weights file here"
        return model_hash(model)

    def check(self, name: str | None) -> str:
        """The name of a promptable model, by default the first. Raises UnknownNameError."""
        return _chosen(name, self._places)

    def check_examples(self, name: str | None) -> str:
        """The name of an in-context model, by default the first. Raises UnknownNameError."""
        return _chosen(name, self._example_places)

    def _load(self, name: str, places: dict[str, str], load: Callable[..., Any]) -> Any:
        with self._loading:
            if name not in self._loaded:
                settings = self._settings
                self._loaded[name] = load(places[name], device=settings.device, offline=settings.offline)
                _freeze_garbage_collector()
            return self._loaded[name]

    def close(self) -> None:
        """Accept no more calls."""
        self._worker.shutdown(wait=False, cancel_futures=True)


def _freeze_garbage_collector() -> None:
    """Exclude torch and the loaded models from garbage collection.

    Scanning them took 190 ms at a time, in which no request was answered.
    """
    gc.collect()
    gc.freeze()


def _chosen(name: str | None, places: dict[str, str]) -> str:
    chosen = next(iter(places), "") if name is None else name
    if chosen not in places:
        raise unknown_name("model", chosen, places)
    return chosen


def _named(places: Sequence[str]) -> dict[str, str]:
    """Models by name."""
    named: dict[str, str] = {}
    for place in dict.fromkeys(places):
        named[_free_name(place, named)] = place
    return named


def _free_name(place: str, named: Iterable[str]) -> str:
    """A model's own name, or that of its file or folder, with a number if it is among `named`.

    The page recognises the shipped model by its name, so no other model gets that name.
    """
    called = Path(place).stem or place
    taken = {*named} | {SHIPPED} - {place}
    numbered = (f"{called}-{number}" for number in itertools.count(2))
    return called if called not in taken else next(name for name in numbered if name not in taken)
