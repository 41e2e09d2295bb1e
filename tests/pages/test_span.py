"""The part of a long list that a page shows."""

import pytest

from shared.pages.span import Span


@pytest.mark.parametrize(
    ("first", "count", "items", "previous", "following"),
    [
        (1, 0, [], None, None),
        (1, 3, [1, 2, 3], None, None),
        (1, 4, [1, 2, 3], None, 4),
        (4, 4, [4], 1, None),
        (4, 7, [4, 5, 6], 1, 7),
        (3, 7, [3, 4, 5], 1, 6),
        (9, 7, [], 6, None),
    ],
)
def test_a_page_of_three(first, count, items, previous, following):
    span = Span(first, 3, count)
    assert span.of([*range(1, count + 1)]) == items
    assert (span.previous, span.following) == (previous, following)
