"""The code and the pages read within the bounds of `make reading`."""

import pytest

from local.reading import figures, headless_sentences
from tests.builders.once import once

NAMES = [
    "names for a code line, median of long functions",
    "blank lines for 100 lines of long functions",
    "comment lines for 100 lines of long functions",
    "'where' for 1,000 words",
    "'if' for 1,000 words",
    "sentences without a subject, percent",
    "complexity of the most complex function",
    "'Any' for 1,000 lines",
    "arguments of the longest constructor",
]


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    found = once(tmp_path_factory, "figures", figures)
    assert [figure.name for figure in found] == NAMES
    return dict(zip(NAMES, found, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_each_figure_is_within_its_bound(measured, name):
    assert measured[name].holds, f"{measured[name]}\n" + "\n".join(headless_sentences())


def test_what_makes_a_page_hard_to_read_is_seen(tmp_path):
    """The bounds can fail: one dense function and one page without subjects pass four of them."""
    dense = "\n".join(f"    a{n}, b{n}, c{n} = d{n}, e{n}, f{n}" for n in range(14))
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "dense.py").write_text(f"def all_in_one():\n{dense}\n")
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("What comes goes where it came. Those that stay, stay.\n")

    passed = {figure.name.split(",")[0] for figure in figures(tmp_path) if not figure.holds}
    assert passed >= {
        "names for a code line",
        "blank lines for 100 lines of long functions",
        "comment lines for 100 lines of long functions",
        "'where' for 1",
        "sentences without a subject",
    }
