"""What the pages say of the product, held against the product."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from local import licences
from shared.domain.clouds import CLOUDS
from shared.download import DOWNLOAD_HOST
from shared.settings import POLICY
from tests.builders.commands import parse
from tests.builders.recorded import BESIDE, needs_recordings
from tests.builders.settings import SETTINGS

ROOT = Path(__file__).parents[2]
CONTRACT = BESIDE / "design" / "contract.md"
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "examples" / "README.md"]
)
GALLERY = ["Features", "Getting Started", "Resources", "Guidance", "Important Security Notice"]
"""Source: the README guidelines of the Azure Developer CLI's gallery."""
AZD = {
    "auth login": 0,
    "config set": 2,
    "deploy": 0,
    "down --purge": 0,
    "env get-value": 1,
    "env get-values": 0,
    "env list": 0,
    "env new": 1,
    "env select": 1,
    "env set": 2,
    "provision": 0,
    "provision --preview": 0,
    "up": 0,
    "up --no-prompt": 0,
}
"""The commands of azd that pages use, and how many words follow.

Source: Azure/azure-dev at ae35809.
"""
AZD_OPTIONS = {"-e", "--environment", "--subscription", "--location"}
"""Each takes a value. The last two are options of `env new`."""


def anchors(page):
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {word.replace(" ", "-") for word in words}


def commands_of(page):
    """Return our commands with an option: the others may only name a command."""
    text = page.read_text()
    inline = re.findall(r"`(ase-route-sync [^`]+)`", text)
    blocks = re.findall(r"^ *(ase-route-sync .*)$", text, re.MULTILINE)
    found = [*inline, *(re.split(r" +(?:#|&&|\|\|?|>|;)", block)[0] for block in blocks)]
    ends = "--version", "--show-completion", "--install-completion", "--help"
    return [each for each in found if " --" in each and not each.endswith(ends)]


def test_the_command_line_takes_each_command_of_a_page():
    found = [command for page in PAGES for command in commands_of(page)]
    assert len(found) > 10
    for command in found:
        parse(shlex.split(command)[1:])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_link_leads_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|srcset)="([^"]+)"', text)
    for link in links:
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_readme_has_the_sections_of_the_gallery():
    text = (ROOT / "README.md").read_text()
    assert {*GALLERY} <= {*re.findall(r"^## (.+)$", text, re.MULTILINE)}


def test_the_readme_lists_every_page():
    text = (ROOT / "README.md").read_text()
    pages = sorted(page.name for page in (ROOT / "docs").glob("*.md"))
    assert [name for name in pages if f"](docs/{name})" not in text] == []


def test_azd_knows_every_variable_that_a_page_sets():
    parameters = (ROOT / "infra" / "main.parameters.json").read_text()
    known = {"VARIABLE", *re.findall(r"\$\{(\w+)\}", parameters)}
    text = "".join(page.read_text() for page in PAGES)
    assert {*re.findall(r"azd env set (\w+)", text)} - known == set()


def test_no_page_takes_a_key_from_the_command_that_makes_it():
    """It shows none: Azure/azure-cli, pull request 27611."""
    texts = [file.read_text() for file in (*PAGES, *(ROOT / "examples").rglob("*.sh"))]
    made = [
        command
        for text in texts
        for command in re.findall(r"az functionapp .*", text.replace("\\\n", " "))
        if " keys set " in command
    ]
    assert len(made) >= 6
    assert [command for command in made if not re.search(r"(--output|-o) none\b", command)] == []


def azd_commands():
    """Those of the blocks of all pages, as words."""
    blocks = [
        block
        for page in PAGES
        for block in re.findall(r"```(?:sh|powershell)\n(.*?)```", page.read_text(), re.DOTALL)
    ]
    word = r""""[^"\n]*"|'[^'\n]*'|[^\s&|;)#"']+"""
    text = re.sub(r" #.*", "", "\n".join(blocks)).replace("\\\n", " ")
    found = re.findall(rf"\bazd((?: +(?:{word}))+)", text)
    return [re.findall(word, command) for command in found]


def test_azd_knows_every_command_of_every_page():
    commands = azd_commands()
    assert len(commands) >= 30
    for words in commands:
        plain = [
            word
            for before, word in zip(["", *words], words, strict=False)
            if not {before, word} & AZD_OPTIONS
        ]
        known = [name for name in AZD if plain[: len(name.split())] == name.split()]
        assert known, words
        name = max(known, key=len)
        assert len(plain) == len(name.split()) + AZD[name], words


def test_the_first_screen_has_the_picture_the_question_and_the_two_commands():
    first = "\n".join((ROOT / "README.md").read_text().splitlines()[:60])
    assert "<img " in first
    assert "## Do I need this?" in first
    for command in ("make run", "azd up"):
        assert re.search(rf"^{command}  ", first, re.MULTILINE)


def test_the_firewall_is_told_of_each_host_of_each_cloud():
    page = (ROOT / "docs" / "network.md").read_text()
    for cloud in CLOUDS.values():
        for host in (cloud.arm_endpoint.removeprefix("https://"), cloud.storage_suffix):
            assert f"`{host}`" in page
        assert f"`{cloud.authority}`" in page
    for host in ("www.microsoft.com", DOWNLOAD_HOST):
        assert f"`{host}`" in page


def test_the_page_lists_each_setting_that_a_command_takes_from_the_app():
    page = (ROOT / "docs" / "operations.md").read_text()
    [listed] = re.findall(r"^The policy settings are (.*?)\. ", page, re.MULTILINE | re.DOTALL)
    assert {*re.findall(r"`(\w+)`", listed)} == POLICY


def test_licences_are_those_of_what_is_pinned():
    assert (ROOT / "docs" / "licences.md").read_text() == licences.page()


def test_the_list_of_contents_has_every_package_that_deploys(tmp_path):
    tool = Path(sys.executable).with_name("cyclonedx-py")
    pinned = ROOT / "requirements.txt"
    command = [tool, "requirements", "-o", tmp_path / "sbom.json", pinned]
    subprocess.run(command, check=True, capture_output=True)
    components = json.loads((tmp_path / "sbom.json").read_text())["components"]
    assert sorted(c["name"] for c in components) == sorted(licences.pinned("requirements.txt"))
    assert all(c["version"] for c in components)


@needs_recordings
def test_the_settings_are_those_of_the_contract():
    section = CONTRACT.read_text().split("## 2. App settings")[1].split("\n## ")[0]
    rows = [line.split(" | ")[0] for line in section.splitlines() if line.startswith("| `")]
    contract = {name for row in rows for name in re.findall(r"`([A-Z]\w+)`", row)}
    assert {name for name in contract if "__" not in name} == SETTINGS
