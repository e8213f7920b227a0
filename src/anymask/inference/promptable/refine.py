"""Answers after a second look at what is small in them, see `promptable.crops`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from anymask.geometry.frame import Frame
from anymask.inference.promptable.crops import CloseUp, close_up, different, shared, surroundings
from anymask.inference.promptable.decode import (
    Answer,
    Job,
    Picture,
    answers_to,
    encode,
    frame_of,
    job_of,
    portions,
)
from anymask.models import Sam
from anymask.types import Embedding, Prompt

UNSEEN = 8.0
"""Logits of minus this stand where a close-up shows nothing."""
LOOKS_AT_ONCE = 32
"""Close-ups that are held as embeddings at the same time; some 2 MB each."""


@dataclass(frozen=True)
class _Look:
    """A second look at one mask of an answer."""

    answer: int
    mask: int
    image: Embedding
    close: CloseUp
    frame: Frame

    def picture(self) -> Picture:
        assert self.image.image is not None
        return Picture(self.close.pixels(self.image.image), self.frame)

    def again(self, prompt: Prompt, answer: Answer) -> Prompt:
        assert answer.logits is not None
        return self.close.prompt(prompt, answer.logits[self.mask], self.image.frame, self.frame)


def closer_answers(
    model: Sam, embeddings: Sequence[Embedding], jobs: Sequence[Job], *, multimask: bool
) -> list[Answer]:
    """As `answers_to`, after a second look; of a single click at all its hypotheses, before one is chosen."""
    out: dict[int, Answer] = {}
    for many in (True, False):
        numbers = [number for number, job in enumerate(jobs) if many == (multimask or job.prompt.ambiguous)]
        chosen = [jobs[number] for number in numbers]
        first = answers_to(model, embeddings, chosen, multimask=many, logits=True)
        first = _look_around(model, embeddings, chosen, first) if many else first
        closer = _look_closer(model, embeddings, chosen, first)
        out |= zip(numbers, closer if multimask else map(_best, closer), strict=True)
    return [out[number] for number in range(len(jobs))]


def _best(answer: Answer) -> Answer:
    """The answer with the mask of the best quality alone."""
    return answer.part([int((answer.scores * answer.stability).argmax())])


def _look_around(
    model: Sam, embeddings: Sequence[Embedding], jobs: Sequence[Job], answers: Sequence[Answer]
) -> list[Answer]:
    """The answers to clicks alone, from the whole image and from the surroundings of each."""
    looks = [
        _look(model, number, 0, embeddings[job.image], near)
        for number, job in enumerate(jobs)
        if (near := surroundings(job.prompt, embeddings[job.image].frame.size_hw)) is not None
        and embeddings[job.image].image is not None
    ]
    out = list(answers)
    for part in portions(looks, LOOKS_AT_ONCE):
        pictures = encode(model, [look.picture() for look in part])
        asked = [
            job_of(look.close.moved(jobs[look.answer].prompt), look.frame, place)
            for place, look in enumerate(part)
        ]
        found = answers_to(model, pictures, asked, multimask=True, logits=True)
        for look, one in zip(part, found, strict=True):
            out[look.answer] = _with_surroundings(out[look.answer], look, one)
    return out


def _with_surroundings(answer: Answer, look: _Look, found: Answer) -> Answer:
    """The best masks of both answers that differ, as many as before; none that the close-up cuts off."""
    assert answer.logits is not None
    found = found.part([row for row, runs in enumerate(found.runs) if not look.close.cuts_off(runs)])
    if not found.runs:
        return answer
    assert found.logits is not None
    nothing = np.full_like(answer.logits[0], -UNSEEN)
    seen = [look.close.logits(nothing, one, look.image.frame, look.frame) for one in found.logits]
    both = Answer(
        answer.runs + [look.close.runs(runs) for runs in found.runs],
        np.concatenate([answer.scores, found.scores]),
        np.concatenate([answer.stability, found.stability]),
        np.concatenate([answer.logits, seen]),
    )
    return both.part(different(both.runs, both.scores * both.stability, len(answer.runs)))


def _look_closer(
    model: Sam, embeddings: Sequence[Embedding], jobs: Sequence[Job], answers: Sequence[Answer]
) -> list[Answer]:
    """The answers after a second look at those that are small and whose picture is there."""
    looks = [
        look
        for number, (job, answer) in enumerate(zip(jobs, answers, strict=True))
        for look in _looks(model, number, embeddings[job.image], job.prompt, answer)
    ]
    out = list(answers)
    for part in portions(looks, LOOKS_AT_ONCE):
        seen = {(id(look.image), look.close): look for look in part}
        place = {key: number for number, key in enumerate(seen)}
        again = [
            job_of(
                look.again(jobs[look.answer].prompt, answers[look.answer]),
                look.frame,
                place[id(look.image), look.close],
            )
            for look in part
        ]
        pictures = encode(model, [look.picture() for look in seen.values()])
        found = answers_to(model, pictures, again, multimask=False, logits=True)
        for look, one in zip(part, found, strict=True):
            out[look.answer] = _with_look(out[look.answer], look, one)
    return out


def _looks(model: Sam, number: int, embedding: Embedding, prompt: Prompt, answer: Answer) -> Iterator[_Look]:
    if embedding.image is None:
        return
    size = embedding.frame.size_hw
    for mask, close in enumerate(shared([close_up(prompt, runs, size) for runs in answer.runs])):
        if close is not None:
            yield _look(model, number, mask, embedding, close)


def _look(model: Sam, answer: int, mask: int, embedding: Embedding, close: CloseUp) -> _Look:
    return _Look(answer, mask, embedding, close, frame_of(model, close.part_hw, model.config.zoom))


def _with_look(answer: Answer, look: _Look, found: Answer) -> Answer:
    """The answer with one of its masks as the second look found it."""
    assert answer.logits is not None
    assert found.logits is not None
    runs, scores, stability = list(answer.runs), answer.scores.copy(), answer.stability.copy()
    logits, whole = answer.logits.copy(), look.image.frame
    runs[look.mask] = look.close.runs(found.runs[0])
    scores[look.mask], stability[look.mask] = found.scores[0], found.stability[0]
    logits[look.mask] = look.close.logits(logits[look.mask], found.logits[0], whole, look.frame)
    return Answer(runs, scores, stability, logits)
