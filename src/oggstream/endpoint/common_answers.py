"""Answers that are made once for all who ask for the same while it is being made: their bytes, in their format."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

from ..sources.phrases.stores import LONGEST
from ..sources.phrases.tape import Recording
from .speaker import Speech

if TYPE_CHECKING:
    from .speech_request import SpeechRequest


class CommonAnswers:
    """Those that are being made. A request that differs in any field gets another one."""

    def __init__(self) -> None:
        self._made: dict[SpeechRequest, _Answer] = {}

    def __contains__(self, wanted: SpeechRequest) -> bool:
        answer = self._made.get(wanted)
        return answer is not None and answer.joinable

    def of(self, wanted: SpeechRequest, speech: Speech) -> Speech:
        """``speech``, or what is being made of the same already, once its bytes are asked for."""
        sharer = _Sharer(self, wanted, speech)
        return Speech(sharer.parts(), speech.headers, sharer)

    def join(self, wanted: SpeechRequest, speech: Speech) -> _Answer:
        """The answer at hand, made of ``speech`` where there is none."""
        if wanted not in self:
            self._made[wanted] = answer = _Answer(speech)
            answer.task.add_done_callback(lambda _: self._gone(wanted, answer))
        return self._made[wanted]

    def _gone(self, wanted: SpeechRequest, answer: _Answer) -> None:
        if self._made.get(wanted) is answer:  # not another one, begun when this one had failed
            del self._made[wanted]


class _Answer(Recording):
    """The bytes that come of ``speech``."""

    def __init__(self, speech: Speech) -> None:
        self.speech = speech
        super().__init__(LONGEST)

    async def _make(self) -> None:
        self._begun()
        await self.speech.give(self.add)
        self._ended()


class _Sharer:
    """One of those who get an answer. ``outcomes``: what the cache made of its pieces."""

    def __init__(self, answers: CommonAnswers, wanted: SpeechRequest, speech: Speech) -> None:
        self._answers = answers
        self._wanted = wanted
        self._speech = speech
        self._answer: _Answer | None = None

    @property
    def outcomes(self) -> Sequence[str]:
        if self._answer is None:
            return ()
        made = self._answer.speech
        return made.outcomes if made is self._speech else ["joined"] * len(made.outcomes)

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """What there is of the body, and then each part as it is made."""
        self._answer = answer = self._answers.join(self._wanted, self._speech)
        listener = await answer.listen()
        try:
            async for part in listener:
                assert isinstance(part, bytes)
                yield part
        finally:
            await answer.leave(listener)
