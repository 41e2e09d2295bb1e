"""A reader of a page, at a laptop."""

from collections.abc import Callable
from pathlib import Path

import pytest

from local.sample import for_a_laptop
from tests.builders.installed import Installed

from .reader import Reader

type MakeReader = Callable[..., Reader]


@pytest.fixture
def make_reader(app_settings: dict[str, str], installed: Installed, tmp_path: Path) -> MakeReader:
    """Give the storage account of the app a name, and others theirs."""

    def make(name: str, **others: str) -> Reader:
        accounts = {name: app_settings["AzureWebJobsStorage"], **others}
        settings = for_a_laptop(app_settings)
        del settings["AzureWebJobsStorage"]
        reader = Reader(tmp_path, settings)
        reader.has_installed(installed, accounts)
        return reader

    return make
