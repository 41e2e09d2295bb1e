"""Tests stand where the code stands: `sync/run/pull.py` has `tests/sync/run/test_pull.py`."""

from collections.abc import Iterator
from pathlib import Path

from radon.raw import analyze

TESTS = Path(__file__).parent
SHARED = TESTS.parent / "shared"
ROOMS = ("domain", "sync")
LARGE = 40
"""Lines of code above which a module of these rooms has a test file of its own."""
ELSEWHERE = {
    "domain/people/check_report.py": "records; tests/sync/watch/test_check.py sees them made",
    "domain/people/notices.py": "what the files beside it share; test_faults.py, test_waiting.py",
    "domain/registry/status.py": "records; tests/storage/test_registry.py writes and reads them",
    "domain/routing/publication.py": "tests/domain/routing/test_routable_tags.py judges with it",
    "domain/routing/published_tags.py": "data; tests/domain/routing/test_routable_tags.py makes it",
    "domain/surroundings/search.py": "records; tests/storage/test_searches.py keeps them",
    "domain/surroundings/virtual_network_tag.py": "tests/sync/surroundings/test_audit.py",
    "domain/services/known.py": "data; tests/local/test_services.py compares it with the files",
    "sync/ports.py": "protocols only",
    "sync/surroundings/found_tables.py": "tests/sync/surroundings/test_discovery.py registers them",
    "sync/surroundings/inbound.py": "tests/endpoints/test_services.py audits each service",
    "sync/surroundings/subscription.py": "tests/sync/surroundings/test_discovery.py searches them",
    "sync/surroundings/survey.py": "tests/sync/surroundings/test_audit.py asks for each survey",
    "sync/surroundings/work.py": "tests/sync/surroundings/test_discovery.py looks at each result",
    "sync/surroundings/table_subnets.py": "tests/sync/surroundings/test_audit.py audits each",
}


def modules() -> Iterator[str]:
    for room in ROOMS:
        for file in (SHARED / room).rglob("*.py"):
            if file.name != "__init__.py":
                yield str(file.relative_to(SHARED))


def files_for(module: str) -> list[Path]:
    """Return `test_<module>.py`, and the files of one aspect of it: `test_<module>_<aspect>.py`."""
    mirrored = (TESTS / module).parent
    stem = Path(module).stem
    return [*mirrored.glob(f"test_{stem}.py"), *mirrored.glob(f"test_{stem}_*.py")]


def test_each_large_module_has_its_tests_at_the_mirrored_path():
    large = [module for module in modules() if analyze((SHARED / module).read_text()).sloc > LARGE]
    assert large
    assert [m for m in large if not files_for(m) and m not in ELSEWHERE] == []


def test_no_exception_outlives_its_reason():
    assert [m for m in ELSEWHERE if files_for(m) or not (SHARED / m).exists()] == []
    named = [word for reason in ELSEWHERE.values() for word in reason.split() if "/" in word]
    assert [file for file in named if not (TESTS.parent / file).exists()] == []


def test_each_file_of_these_rooms_tests_a_module_that_is_there():
    known = {file for module in modules() for file in files_for(module)}
    files = {file for room in ROOMS for file in (TESTS / room).rglob("test_*.py")}
    assert sorted(files - known) == []
