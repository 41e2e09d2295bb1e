"""A reader of a page, at a laptop."""

from collections.abc import Callable
from pathlib import Path

import pytest

from local.sample import for_a_laptop

from .reader import Reader

type MakeReader = Callable[..., Reader]


@pytest.fixture
def make_reader(app_settings: dict[str, str], tmp_path: Path) -> MakeReader:
    """Give the storage account of the app a name, and others theirs."""

    def make(name: str, **others: str) -> Reader:
        accounts = {name: app_settings["AzureWebJobsStorage"], **others}
        settings = for_a_laptop(app_settings)
        del settings["AzureWebJobsStorage"]
        return Reader(tmp_path, settings, accounts)

    return make
