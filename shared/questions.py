"""Several threads that need the same answer ask once."""

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from .deadline import GIVEN_UP_AFTER_SECONDS, out_of_time, seconds_left


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
