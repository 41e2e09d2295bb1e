"""Threads that ask the same at the same time ask once, and wait for nobody else."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from shared import questions
from shared.deadline import seconds_left, time_limit
from shared.domain.errors import TransientError
from shared.questions import Aside, Questions
from tests.builders.clocks import Slow, wait_until

SECONDS = 30


def test_the_same_question_is_asked_once_and_another_one_does_not_wait():
    questions, slow = Questions[str, int](), Slow()
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(questions.ask, "one", slow)
        assert slow.begun.wait(SECONDS)
        second = threads.submit(questions.ask, "one", slow)
        assert questions.ask("two", lambda: 2) == 2
        slow.may_end.set()
        assert (first.result(SECONDS), second.result(SECONDS)) == (1, 1)
    assert slow.asked == 1


def test_an_answer_is_not_remembered():
    questions = Questions[str, int]()
    answers = iter((1, 2))
    assert [questions.ask("one", lambda: next(answers)) for _ in "12"] == [1, 2]


def test_an_error_reaches_everybody_who_waits():
    questions, slow = Questions[str, int](), Slow(ValueError("no"))
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(questions.ask, "one", slow)
        assert slow.begun.wait(SECONDS)
        second = threads.submit(questions.ask, "one", lambda: 2)
        slow.may_end.set()
        for waiting in (first, second):
            with pytest.raises(ValueError, match="no"):
                waiting.result(SECONDS)
    assert questions.ask("one", lambda: 3) == 3


def test_nobody_waits_beyond_the_deadline():
    questions, slow = Questions[str, int](), Slow()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(questions.ask, "one", slow)
        assert slow.begun.wait(SECONDS)
        with time_limit(0), pytest.raises(TransientError, match="OutOfTime"):
            questions.ask("one", lambda: 2)
        slow.may_end.set()
        assert first.result(SECONDS) == 1


def test_a_question_that_hangs_is_asked_anew(monkeypatch):
    asked, hangs, next_one = Questions[str, int](), Slow(), Slow()
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(asked.ask, "one", hangs)
        assert hangs.begun.wait(SECONDS)
        with monkeypatch.context() as later:
            later.setattr(questions, "GIVEN_UP_AFTER_SECONDS", 0)
            second = threads.submit(asked.ask, "one", next_one)
            began_anew = next_one.begun.wait(1)
        hangs.may_end.set()
        assert (began_anew, first.result(SECONDS)) == (True, 1)

        # The end of the first does not end the wait for the second.
        with time_limit(0), pytest.raises(TransientError, match="OutOfTime"):
            asked.ask("one", lambda: 3)
        next_one.may_end.set()
        assert second.result(SECONDS) == 1


def test_who_asks_aside_waits_until_one_time_for_one_answer():
    slow = Slow()
    aside = Aside(slow)
    with pytest.raises(TimeoutError):
        aside.ask(0)
    # This one has more time, but the question that is being asked has none left.
    with pytest.raises(TimeoutError):
        aside.ask(SECONDS)

    slow.may_end.set()
    wait_until(lambda: _answer_of(aside) == 2)


def _answer_of(aside):
    try:
        return aside.ask(SECONDS)
    except TimeoutError:
        return None


def test_an_error_of_a_question_aside_is_raised_and_the_next_one_is_asked():
    answers = iter((1, 0, 2))
    aside = Aside(lambda: 1 // next(answers))
    assert aside.ask(SECONDS) == 1
    with pytest.raises(ZeroDivisionError):
        aside.ask(SECONDS)
    assert aside.ask(SECONDS) == 0


def test_who_has_less_time_waits_less_for_an_answer_aside():
    slow = Slow()
    aside = Aside(slow)
    with time_limit(0), pytest.raises(TimeoutError):
        aside.ask(SECONDS)
    slow.may_end.set()
    assert aside.ask(SECONDS) == 1


def test_a_question_aside_has_the_time_that_was_given_and_not_what_the_first_asker_has():
    aside = Aside(seconds_left)
    with time_limit(5):
        assert 5 < aside.ask(SECONDS) <= SECONDS
