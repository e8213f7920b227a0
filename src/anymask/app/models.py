"""The models of a server: loaded when first asked for, one call at a time."""

from __future__ import annotations

import gc
import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from anymask.app import onnx_cache as exported
from anymask.app.error_handlers import busy
from anymask.app.onnx_cache import MANIFEST, SHIPPED
from anymask.app.settings import Settings
from anymask.errors import unknown_name
from anymask.files import sha256_of

if TYPE_CHECKING:
    from anymask.models import InContext, Sam
    from anymask.types import Embedding

__all__ = ["Models"]

WAITING = 64
"""More calls than this at once are sent away."""
HELD = 8
"""Embeddings that are kept in memory."""

Answer = TypeVar("Answer")


class Models:
    """Promptable models and models that work by examples, by name."""

    def __init__(self, settings: Settings) -> None:
        """Load nothing yet."""
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
        """Models that answer prompts, the default one first."""
        return list(self._places)

    @property
    def example_names(self) -> list[str]:
        """Models that work by examples."""
        return list(self._example_places)

    def sam(self, name: str | None) -> Sam:
        """A promptable model, by default the first. Raises UnknownNameError and what `load_sam` raises."""
        from anymask.models import load_sam

        model: Sam = self._load(self.check(name), self._places, load_sam)
        return model

    def fingerprint(self, name: str | None) -> str:
        """What `weights_hash` says of a promptable model, asked once. Raises as `sam`."""
        chosen = self.check(name)
        if chosen not in self._fingerprints:
            from anymask.models import weights_hash

            self._fingerprints[chosen] = weights_hash(self.sam(chosen))
        return self._fingerprints[chosen]

    def painter(self, name: str | None) -> InContext:
        """A model that works by examples, by default the first. Raises as `sam`."""
        from anymask.models import load_painter

        model: InContext = self._load(self.check_examples(name), self._example_places, load_painter)
        return model

    def call(self, work: Callable[[], Answer]) -> Answer:
        """Do some work with models when it is its turn. Raises HTTPException 503 where too many wait."""
        if not self._waiting.acquire(blocking=False):
            raise busy("the server must have time, got too many requests for models. Try again soon.")
        try:
            future: Future[Answer] = self._worker.submit(work)
            return future.result()
        finally:
            self._waiting.release()

    def embedding(self, key: str, make: Callable[[], Embedding]) -> Embedding:
        """An embedding by its key, from memory or made. Call it from work given to `call`."""
        if key not in self._embeddings:
            self._embeddings[key] = make()
        self._embeddings.move_to_end(key)
        while len(self._embeddings) > HELD:
            self._embeddings.popitem(last=False)
        return self._embeddings[key]

    def exported(self, name: str, tell: Callable[[str], object] = str) -> Path:
        """The folder of a model's ONNX files, exported on first use; `tell` hears what is done then.

        Raises UnknownNameError and what `export` raises.
        """
        place = Path(self._places[self.check(name)]).expanduser()
        if (place / MANIFEST).is_file():
            return place
        folder = exported.folder_name(name, self._content(name))
        known = exported.found(folder)
        if known is not None:
            return known

        def load() -> Sam:  # apart from the one that answers, in bfloat16 where the processor has it
            from anymask.models import load_sam

            offline = self._settings.offline
            return load_sam(self._places[name], device="cpu", dtype="float32", offline=offline)

        with self._exporting:
            return exported.make(load, name, folder, tell=tell)

    def _content(self, name: str) -> str:
        """What tells a model's weights from others, the decoder's too: of a file its hash, else theirs."""
        file = exported.weights_file(self._places[name])
        if file is not None:
            return sha256_of(file)
        from anymask.evaluate.report import model_hash

        return model_hash(self.sam(name))

    def check(self, name: str | None) -> str:
        """The name of a model that answers prompts, by default the first. Raises UnknownNameError."""
        return _chosen(name, self._places)

    def check_examples(self, name: str | None) -> str:
        """The name of a model that works by examples, by default the first. Raises UnknownNameError."""
        return _chosen(name, self._example_places)

    def _load(self, name: str, places: dict[str, str], load: Callable[..., Any]) -> Any:
        with self._loading:
            if name not in self._loaded:
                settings = self._settings
                self._loaded[name] = load(places[name], device=settings.device, offline=settings.offline)
                _settle()
            return self._loaded[name]

    def close(self) -> None:
        """Take no more work."""
        self._worker.shutdown(wait=False, cancel_futures=True)


def _settle() -> None:
    """Let the garbage collector leave alone what is there to stay: all of torch, and the model.

    Looking through it took 190 ms again and again, and nobody was answered meanwhile.
    """
    gc.collect()
    gc.freeze()


def _chosen(name: str | None, places: dict[str, str]) -> str:
    chosen = next(iter(places), "") if name is None else name
    if chosen not in places:
        raise unknown_name("model", chosen, places)
    return chosen


def _named(places: Sequence[str]) -> dict[str, str]:
    """Places by what they are called: a name, or that of a file or folder, with a number where it is taken.

    The page knows the shipped model by its name, so that no other is called so.
    """
    named: dict[str, str] = {}
    for place in dict.fromkeys(places):
        called = Path(place).stem or place
        taken = {*named} | {SHIPPED} - {place}
        numbered = (f"{called}-{number}" for number in itertools.count(2))
        named[called if called not in taken else next(name for name in numbered if name not in taken)] = place
    return named
