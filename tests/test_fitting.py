"""JSON that is too long loses the ends of its lists and texts, and says how much."""

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.fitting import FEWEST, fitted, size_of
from tests.storage.values import json_values, texts

ROOM = 3000
long_texts = st.builds(lambda text, times: text * times, texts, st.sampled_from([1, 50, 300]))
long_lists = st.builds(lambda value, times: [value] * times, json_values, st.sampled_from([2, 300]))
objects = st.dictionaries(
    texts,
    st.recursive(
        long_texts | long_lists | json_values,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=30,
)


def shortened(fields, room=ROOM):
    return fitted(fields, room)


@settings(deadline=None, max_examples=50)
@given(objects)
@example({"a": {f"name {n}": n for n in range(9999)}})
@example({f"name {n}": "é" * 500 for n in range(999)})
@example({"a": "\N{MOTORWAY}" * 9999, "b": [["é" * 999] * 999]})
def test_it_always_fits_and_stays_as_it_is_if_it_did(fields):
    shown = shortened(fields)
    line = json.dumps(shown)
    assert len(line.encode("utf-16-le")) // 2 == size_of(shown) <= ROOM
    assert (shown == fields) == (size_of(fields) <= ROOM)


def test_both_sides_of_the_bound():
    fields = {"a": list(range(100)), "b": "x"}
    assert shortened(fields, size_of(fields)) == fields
    assert shortened(fields, size_of(fields) - 1) != fields


def test_the_last_entries_of_the_longest_list_go_and_are_counted():
    fields = {"short": [1, 2], "long": list(range(9999)), "text": "as it was"}
    shown = shortened(fields)
    count = len(shown["long"])
    assert shown == {**fields, "long": list(range(count)), "longLeftOut": 9999 - count}
    assert size_of(shown) > ROOM - 100


def test_what_was_left_out_before_counts_too():
    shown = shortened({"a": ["x" * 90] * 50, "aLeftOut": 7})
    assert shown["aLeftOut"] == 57 - len(shown["a"])


def test_long_lists_share_the_room():
    shown = shortened({"a": ["x" * 90] * 5000, "b": ["x" * 90] * 50})
    assert abs(len(shown["a"]) - len(shown["b"])) <= 1


def test_a_long_text_in_an_entry_hides_no_other_entry():
    shown = shortened({"a": [{"id": n, "why": "é" * 9999} for n in range(50)]})
    assert [entry["id"] for entry in shown["a"]][:FEWEST] == [*range(FEWEST)]
    assert all(entry["why"].endswith("é…") for entry in shown["a"])


def test_an_object_that_loses_fields_counts_them():
    shown = shortened({"a": {f"name {n}": n for n in range(9999)}})
    assert len(shown["a"]) + shown["aLeftOut"] == 9999
    assert [*shown["a"].values()] == [*range(len(shown["a"]))]


def test_a_letter_is_never_cut_in_two():
    shown = shortened({"a": "\N{MOTORWAY}" * 9999})
    assert set(shown["a"]) == {"\N{MOTORWAY}", "…"}
