"""ARM ids are parsed, and compared as Azure compares them."""

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.armid import (
    EnvironmentId,
    RouteTableId,
    SubnetId,
    VirtualNetworkId,
    ignoring_case,
    subscription_in,
)
from shared.storage.entities import table_key
from tests.builders.azure import SUBSCRIPTION, ase_id_of, subnet_id_of, table_id

LETTERS = [
    letter
    for letter in map(chr, range(0x10000))
    if unicodedata.category(letter) in {"Lu", "Ll", "Lt", "Lm", "Lo", "Nd"}
]
"""What a resource group's name may consist of, beside `-_.()`; Azure counts in UTF-16 units."""
APART = [
    ("ß", "ẞ"),
    ("\u017f", "s"),
    ("\u0131", "i"),
    ("İ", "i"),
    ("İ", "\u0131"),
    ("\u212a", "k"),
    ("\u212b", "å"),
]
"""Letters that Azure does not take for each other, although one of Python's methods does."""


def in_group(name: str) -> str:
    return table_id("x").replace("rg-x", name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        table_id("a") + "/",
        table_id("a") + "/routes/b",
        table_id("a")[1:],
        table_id("a").replace("routeTables", "networkSecurityGroups"),
        table_id("a").replace("11111111-1111", "1111"),
        table_id("a").replace("11111111-1111", "1111\uff11111-1111"),
        table_id("a").replace("subscriptions", "\u017fubscriptions"),
        table_id("-a"),
        table_id("a" * 81),
        table_id("a#b"),
        table_id("a?b"),
        table_id("a\n"),
        in_group("rg."),
        in_group("g" * 91),
        in_group("m²"),
        in_group("e\u0301"),
        in_group("𐐀"),
        in_group(""),
    ],
)
def test_what_is_not_the_id_of_a_route_table_is_refused(text):
    with pytest.raises(ValueError, match="not the ARM id"):
        RouteTableId.parse(text)


def test_ids_are_equal_whatever_their_case():
    upper, lower = RouteTableId.parse(table_id("A").upper()), RouteTableId.parse(table_id("a"))
    assert upper == lower
    assert len({upper, lower}) == 1


@pytest.mark.parametrize("change", [str.upper, str.lower, str.title, str.swapcase])
@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (RouteTableId, table_id("one")),
        (EnvironmentId, ase_id_of("one")),
        (SubnetId, subnet_id_of("one")),
    ],
)
def test_every_segment_is_compared_without_case(kind, text, change):
    written, as_is = kind.parse(change(text)), kind.parse(text)
    assert written == as_is
    assert hash(written) == hash(as_is)
    assert written.key == as_is.key


def test_a_subnet_belongs_to_its_network():
    found = SubnetId.parse(subnet_id_of("one").replace("/subnets/", "/Subnets/"))
    assert str(found) == subnet_id_of("one")
    assert VirtualNetworkId.around(f"{subnet_id_of('one').upper()}/x/y") == found.virtual_network
    assert VirtualNetworkId.around(table_id("one")) is None
    assert subscription_in(subnet_id_of("one").upper()) == SUBSCRIPTION
    assert subscription_in("/providers/x") is None


def test_a_key_stands_for_the_same_id_for_every_letter_that_azure_allows():
    # `lower` looks at the letters around a sigma.
    for letters in itertools.batched(
        (f"{letter}aΣ{letter}" for letter in LETTERS), 20, strict=False
    ):
        found = RouteTableId.parse(in_group("".join(letters)))
        again = RouteTableId.parse(found.key)
        assert (again, again.key) == (found, found.key), letters


def test_letters_are_the_same_exactly_if_they_have_the_same_capital():
    # The exceptions have no capital in Azure, or their capital in Python is more than one letter.
    plain = [
        letter for letter in LETTERS if len(letter.upper()) == 1 and letter not in "\u0131\u017f"
    ]
    keys = {letter: ignoring_case(letter) for letter in plain}
    capitals = {letter: letter.upper() for letter in plain}
    assert len({*keys.values()}) == len({*capitals.values()})
    assert len({(keys[letter], capitals[letter]) for letter in plain}) == len({*keys.values()})
    for group in ("σςΣ", "ǆǅǄ", "ᾳᾼ", "µμΜ"):
        assert len({*map(ignoring_case, group)}) == 1, group


@pytest.mark.parametrize(("one", "other"), APART)
def test_letters_that_azure_tells_apart_stay_apart(one, other):
    assert RouteTableId.parse(in_group(one)) != RouteTableId.parse(in_group(other))


@given(st.text(st.sampled_from([*LETTERS, *"-_.()"]), min_size=1, max_size=90))
def test_a_key_is_legal_in_table_storage(group):
    if group.endswith("."):
        group = f"{group[:-1]}_"
    key = table_key(RouteTableId.parse(in_group(group)))
    assert len(key.encode("utf-16-le")) <= 1024
    assert not {*key} & {*"/\\#?%", *map(chr, range(32)), *map(chr, range(127, 160))}
