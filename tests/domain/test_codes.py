"""The list of codes: complete, well formed, all in use, and documented."""

import re
from pathlib import Path

import pytest

from local.codes import PAGE, page
from shared.domain import codes
from shared.domain.codes import CODES, Code, Grade, lookup

ROOT = Path(__file__).parents[2]
CONSTANTS = {name: value for name, value in vars(codes).items() if isinstance(value, Code)}
SOURCES = {
    file: file.read_text()
    for file in (ROOT / "shared").rglob("*.py")
    if file != Path(codes.__file__)
}


def test_each_name_is_given_once():
    assert len(CONSTANTS) == len(CODES) > 100


@pytest.mark.parametrize("name", CONSTANTS)
def test_the_constant_is_called_as_the_code(name):
    code = CONSTANTS[name]
    assert re.fullmatch(r"([A-Z][a-z]+)+", code.name)
    assert name == re.sub(r"(?<=[a-z])(?=[A-Z])", "_", code.name).upper()


@pytest.mark.parametrize("code", CODES.values(), ids=str)
def test_a_code_says_what_it_means_and_what_to_do(code):
    for text in (code.meaning, code.remedy):
        assert re.fullmatch(r"[A-Z][^`]*[.]", text)
    assert {*code.related} <= CODES.keys() - {code.name}
    assert code.places


def test_only_a_guard_can_be_forced():
    assert all(CODES[name].grade is Grade.BLOCKS for name in codes.FORCEABLE)
    assert {"MaxRemovedPercent", "TableFailed"} == codes.FORCEABLE


def test_each_code_of_ours_is_in_use():
    used = {name for text in SOURCES.values() for name in re.findall(r"\bcodes\.([A-Z_]+)\b", text)}
    assert {name for name, code in CONSTANTS.items() if not code.azure} - used == set()


def test_no_code_is_made_or_spelled_anywhere_else():
    spelled = re.compile(r'"(' + "|".join(c.name for c in CODES.values() if not c.azure) + ')"')
    for file, text in SOURCES.items():
        assert not re.search(r"\bCode\(", text), file
        assert set(spelled.findall(text)) <= LABELS, file


LABELS = {"Held", "Contested"}
"""Words of the command line's tables, which are not meant as codes."""


def test_what_azure_alone_knows_passes_through():
    found = lookup("SomethingOfAzures")
    assert (found.name, found.azure, found.grade) == ("SomethingOfAzures", True, Grade.FAILS)
    assert found.meaning
    assert found.remedy


def test_the_page_has_the_tables_of_this_list():
    text = PAGE.read_text()
    assert text == page(text), "make codes writes them anew"


@pytest.mark.parametrize("code", CODES.values(), ids=str)
def test_each_code_has_an_entry(code):
    assert f"\n| `{code}` | " in PAGE.read_text()


def test_no_old_spelling_is_left():
    old = re.compile(r"\b(TAG_UNAVAILABLE|NOT_REGISTERED|MOVED_ON|NO_CAPACITY|RUN_TIMED_OUT)\b")
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "infra").rglob("*.kql")]
    for file in pages:
        assert not old.search(file.read_text()), file
