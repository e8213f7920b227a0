"""Ctrl-C during training: the step that is at work is finished and saved first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Interrupt", "deferred_interrupt", "ignore_interrupt"]


class Interrupt:
    """Whether Ctrl-C was pressed; a second time it ends the process at once, as usual."""

    asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def deferred_interrupt(*, active: bool) -> Iterator[Interrupt]:
    """Note Ctrl-C instead of raising KeyboardInterrupt; only if `active` and in the main thread."""
    interrupt, before = Interrupt(), signal.getsignal(signal.SIGINT)
    ignored = before is signal.SIG_IGN  # as of a job in the background
    if not active or ignored or threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)


def ignore_interrupt(worker: int) -> None:
    """In a data worker: a terminal sends Ctrl-C to all processes, and the last step still needs its data."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
