"""`azd deploy` sends everything that the app imports, and nothing else."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from .azd import Pattern, deployed_files, write_zip

ROOT = Path(__file__).parents[2]
SITE_PACKAGES = ".python_packages/lib/site-packages"
PACKAGES = [
    f"{SITE_PACKAGES}/{name}"
    for name in (
        "six.py",
        "_cffi_backend.cpython-313-x86_64-linux-gnu.so",
        "azure/identity/__init__.py",
        "azure/identity/tests/__init__.py",
        "pip/_internal/build_env/__init__.py",
        "pydantic-2.dist-info/METADATA",
        "some/build/docs/local/bench/infra/examples/__init__.py",
        "some/.hidden/data.json",
    )
]
NOT_OURS = [
    ".azure/prod/.env",
    ".env",
    ".venv/lib/python3.13/site-packages/six.py",
    ".python_packages/lib/site-packages/azure/__pycache__/core.cpython-313.pyc",
    "__pycache__/function_app.cpython-313.pyc",
    "ase_route_sync.egg-info/PKG-INFO",
    "build/ase-route-sync.zip",
    "build/lib/ase_route_sync/app.py",
    "local.settings.json",
    "local.settings.production.json",
    "main_env/lib/python3.13/site-packages/six.py",
    "main_env/pyvenv.cfg",
    "node_modules/azurite/package.json",
    "shared/__pycache__/app.cpython-313.pyc",
    "shared/domain/routing/__pycache__/plan.cpython-313.pyc",
    "venv/lib/python3.13/site-packages/six.py",
    "venv/pyvenv.cfg",
]
MODULES_LOADED = """
import json, pathlib, sys
here = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(here))
for name in sys.argv[2:]:
    __import__(name)
files = [pathlib.Path(m.__file__) for m in sys.modules.values() if getattr(m, "__file__", None)]
print(json.dumps([str(file.relative_to(here)) for file in files if here in file.parents]))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A clone in which people have worked: every folder of the repository, and what tools leave."""
    folder = tmp_path_factory.mktemp("project")
    for entry in ROOT.iterdir():
        if entry.is_file():
            shutil.copy(entry, folder)
        elif not entry.name.startswith("."):
            (folder / entry.name).mkdir()
            (folder / entry.name / "file.py").touch()

    shutil.rmtree(folder / "shared")
    without = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "shared", folder / "shared", ignore=without)

    for name in [*PACKAGES, *NOT_OURS]:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return folder


@pytest.fixture(scope="module")
def deployed(project, tmp_path_factory):
    """The folder into which Azure unpacks the zip."""
    folder = tmp_path_factory.mktemp("wwwroot")
    archive = folder.with_suffix(".zip")
    write_zip(project, archive)
    with ZipFile(archive) as package:
        package.extractall(folder)
    return folder


def test_packages_that_were_built_beforehand_get_through(project):
    sent = [name for name in deployed_files(project) if name.startswith(".python_packages")]
    assert sent == sorted(PACKAGES)


def test_what_tools_leave_in_a_clone_does_not(project):
    assert sorted({*deployed_files(project)} & {*NOT_OURS}) == []


def test_the_app_imports_each_module_that_is_sent_and_no_other(deployed):
    # The functions import these when they are called, and `openapi` one more.
    later = re.findall(r"from shared import (\w+)", (deployed / "function_app.py").read_text())
    later.append("endpoints.description")
    names = ["function_app", *(f"shared.{name}" for name in later)]
    command = [sys.executable, "-I", "-c", MODULES_LOADED, str(deployed), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    sent = [file.relative_to(deployed) for file in deployed.rglob("*.py")]
    ours = {str(file) for file in sent if file.parts[0] != ".python_packages"}
    assert {*json.loads(done.stdout)} == ours


def test_the_rest_is_what_the_host_the_build_and_the_pages_read(project):
    sent = [n for n in deployed_files(project) if n not in PACKAGES and not n.endswith(".py")]
    pages = ROOT / "shared" / "pages"
    shown = [pages / "style.css", *(pages / "templates").glob("*.html")]
    read = [ROOT / "host.json", ROOT / "requirements.txt", *shown]
    assert sent == sorted(str(file.relative_to(ROOT)) for file in read)


def test_the_package_of_a_release_has_the_same_files(project):
    [listed] = re.findall(r"git archive .*\\\n\t+(.*)\n", (ROOT / "Makefile").read_text())
    words = [word.strip("'") for word in listed.split()]
    without = [project / word.removeprefix(":!") for word in words if word.startswith(":!")]
    roots = {project / word for word in words if not word.startswith(":!")}

    packed = [
        str(file.relative_to(project))
        for file in project.rglob("*")
        if file.is_file() and roots & {file, *file.parents}
        if not any(folder in {file, *file.parents} for folder in without)
        if file.suffix != ".pyc"
    ]
    assert sorted(packed) == [n for n in deployed_files(project) if n not in PACKAGES]


@pytest.mark.parametrize(
    ("pattern", "path", "is_folder", "expected"),
    [
        ("*.log", "a/b.log", False, True),
        ("/*.log", "a/b.log", False, True),
        ("/a", "b/a", True, False),
        ("a/", "a", False, False),
        ("a/", "b/a", True, True),
        ("a/*", "a/b/c", False, False),
        ("b/c", "a/b/c", False, False),
        ("a/**", "a/b/c", False, True),
        ("**/c", "a/b/c", False, True),
        ("**/c", "a/b/cc", False, False),
    ],
)
def test_patterns_match_as_azd_matches_them(pattern, path, is_folder, expected):
    assert Pattern.parse(pattern).matches(path, is_folder=is_folder) == expected
