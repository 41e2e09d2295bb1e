"""The package as pip installs it: `ase_route_sync` and nothing else."""

import ast
import email
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator

import pytest

from local.azurite import ROOT
from shared import __version__

NEEDED = ("pyproject.toml", "README.md", "LICENSE", "requirements.in", "requirements-cli.in")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, because a build leaves its folders beside the sources."""
    copy, built = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("built")
    for name in NEEDED:
        shutil.copy(ROOT / name, copy)
    shutil.copytree(ROOT / "shared", copy / "shared", ignore=shutil.ignore_patterns("__pycache__"))
    without_index = ("--no-deps", "--no-build-isolation", "--no-index")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *without_index, "--wheel-dir", built, copy],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [found] = built.glob("*.whl")
    return found


def run(site, *arguments):
    """In a folder that has no sources, with this installation first on the path."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=site,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_has_every_file_under_one_name(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    folders = {name.partition("/")[0] for name in names}
    assert folders == {"ase_route_sync", f"ase_route_sync-{__version__}.dist-info"}
    files = (path for path in (ROOT / "shared").rglob("*") if path.is_file())
    wanted = {
        f"ase_route_sync/{path.relative_to(ROOT / 'shared')}"
        for path in files
        if path.suffix != ".pyc"
    }
    assert {name for name in names if name.startswith("ase_route_sync/")} == wanted
    assert {"ase_route_sync/pages/style.css", "ase_route_sync/pages/templates/run.html"} <= wanted


def test_the_wheel_names_its_version_its_script_and_what_it_needs(wheel):
    information = f"ase_route_sync-{__version__}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        metadata = email.message_from_bytes(archive.read(f"{information}/METADATA"))
        scripts = archive.read(f"{information}/entry_points.txt").decode()
    assert (metadata["Name"], metadata["Version"]) == ("ase-route-sync", __version__)
    assert "ase-route-sync = ase_route_sync.cli:main" in scripts
    assert {"typer", "azure-data-tables"} <= set(metadata.get_all("Requires-Dist") or ())


def test_what_is_installed_runs_without_the_sources(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    shown = run(tmp_path, "-m", "ase_route_sync", "--version")
    assert (shown.stdout, shown.stderr) == (f"ase-route-sync {__version__}\n", "")
    assert "doctor" in run(tmp_path, "-m", "ase_route_sync", "--help").stdout

    modules = ".".join(("ase_route_sync", "cli"))
    code = f"import sys, {modules}.actions, {modules}.doctor; print('shared' in sys.modules)"
    assert run(tmp_path, "-c", code).stdout == "False\n"


def test_the_sources_show_the_same_version():
    shown = run(ROOT, "-m", "shared", "--version")
    assert shown.stdout == f"ase-route-sync {__version__}\n"


def test_nothing_names_the_folder_of_the_sources():
    """Another name is installed, so an import within the package is relative."""
    absolute = [
        f"{source.relative_to(ROOT)}: {name}"
        for source in (ROOT / "shared").rglob("*.py")
        for name in _names(ast.parse(source.read_text()))
        if name == "shared" or name.startswith("shared.")
    ]
    assert absolute == []


def _names(tree: ast.Module) -> Iterator[str]:
    """Every module that is imported by its whole name, and every text that could be such a name."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                yield from (alias.name for alias in aliases)
            case ast.ImportFrom(module=str(module), level=0):
                yield module
            case ast.Constant(value=str(text)) if " " not in text:
                yield text
