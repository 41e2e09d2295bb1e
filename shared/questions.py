"""Several threads that need the same answer ask once."""

import math
import threading
from collections.abc import Callable
from concurrent.futures import Future

from .deadline import out_of_time, seconds_left


class Questions[Key, Answer]:
    """The questions that are being asked now. No lock is held while one is asked."""

    def __init__(self) -> None:
        self._asked: dict[Key, Future[Answer]] = {}
        self._lock = threading.Lock()

    def ask(self, key: Key, question: Callable[[], Answer]) -> Answer:
        """Ask, or wait for the answer to the same question of another thread.

        Raise the error of the question, and TransientError if there is no time left to wait.
        """
        with self._lock:
            asked = self._asked.get(key)
            answer = self._asked[key] = Future[Answer]() if asked is None else asked

        if asked is None:
            self._answer(key, answer, question)
        left = seconds_left()
        try:
            return answer.result(None if left == math.inf else max(0.0, left))
        except TimeoutError:
            raise out_of_time() from None

    def _answer(self, key: Key, answer: Future[Answer], question: Callable[[], Answer]) -> None:
        try:
            found = question()
        except BaseException as error:  # whoever waits for the answer has to hear of any end
            answer.set_exception(error)
        else:
            answer.set_result(found)
        finally:
            with self._lock:
                del self._asked[key]
