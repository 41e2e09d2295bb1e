"""Several threads that need the same answer ask once."""

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from .deadline import GIVEN_UP_AFTER_SECONDS, out_of_time, seconds_left, time_limit


class _Asked[Answer](Future[Answer]):
    """The answer to come, and since when the question is asked."""

    def __init__(self) -> None:
        super().__init__()
        self._since = time.monotonic()

    @property
    def hangs(self) -> bool:
        return time.monotonic() - self._since >= GIVEN_UP_AFTER_SECONDS


class Questions[Key, Answer]:
    """The questions that are being asked now. No lock is held while one is asked.

    A question that hangs is asked anew by whoever comes next.
    """

    def __init__(self) -> None:
        self._asked: dict[Key, _Asked[Answer]] = {}
        self._lock = threading.Lock()

    def ask(self, key: Key, question: Callable[[], Answer]) -> Answer:
        """Ask, or wait for the answer to the same question of another thread.

        Raise the error of the question, and TransientError if there is no time left to wait.
        """
        with self._lock:
            known = self._asked.get(key)
            asked = None if known is None or known.hangs else known
            answer = self._asked[key] = _Asked[Answer]() if asked is None else asked

        if asked is None:
            self._answer(key, answer, question)
        left = seconds_left()
        try:
            return answer.result(None if left == math.inf else max(0.0, left))
        except TimeoutError:
            raise out_of_time() from None

    def _answer(self, key: Key, answer: _Asked[Answer], question: Callable[[], Answer]) -> None:
        try:
            found = question()
        except BaseException as error:  # whoever waits for the answer has to hear of any end
            answer.set_exception(error)
        else:
            answer.set_result(found)
        finally:
            with self._lock:
                if self._asked.get(key) is answer:
                    del self._asked[key]


class Aside[Answer]:
    """One question that is asked in a thread of its own, so that nobody waits too long for it.

    The timeouts of a connection end no answer that comes byte by byte, and no look-up of a name.
    Others that ask meanwhile wait for the same answer, until the same time.
    """

    def __init__(self, question: Callable[[], Answer]) -> None:
        self._question = question
        self._asked: Future[Answer] | None = None
        self._ends_at = 0.0
        self._lock = threading.Lock()

    def ask(self, seconds: float) -> Answer:
        """Raise the error of the question, and TimeoutError if it has no answer in time."""
        with self._lock:
            if self._asked is None or self._asked.done():
                self._asked = self._begun(seconds)
            asked, left = self._asked, self._ends_at - time.monotonic()
        return asked.result(max(0.0, min(left, seconds_left())))

    def _begun(self, seconds: float) -> Future[Answer]:
        asked, self._ends_at = Future[Answer](), time.monotonic() + seconds
        thread = threading.Thread(target=self._answer, args=(asked, seconds), daemon=True)
        thread.start()
        return asked

    def _answer(self, asked: Future[Answer], seconds: float) -> None:
        try:
            with time_limit(seconds):
                asked.set_result(self._question())
        except BaseException as error:  # whoever waits for the answer has to hear of any end
            asked.set_exception(error)
