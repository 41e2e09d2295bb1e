"""The examples that register a route table by its Azure tag: the app follows what they deploy."""

import json
import re
from pathlib import Path

import hcl2
import pytest

from shared.domain.registry.azure_tag import AZURE_TAG
from shared.domain.services.known import NAMED
from tests.builders.azure import add_table, rid, tag_document
from tests.builders.runs import TAG
from tests.builders.tags import tag_table

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "azure-tag"
PAGE = (ROOT / "docs" / "azure-tags.md").read_text()


def terraform_tags():
    module = hcl2.loads((FOLDER / "main.tf").read_text())
    [table] = [
        one['"azurerm_route_table"']['"databricks"']
        for one in module["resource"]
        if '"azurerm_route_table"' in one
    ]
    assert "route" in str(table["lifecycle"])
    return {name.strip('"'): value.strip('"') for name, value in table["tags"].items()}


def bicep_parameters(bicep):
    compiled = bicep.ask("compile", path=str(FOLDER / "main.bicep"))
    assert compiled["diagnostics"] == []
    return json.loads(compiled["contents"])


def test_terraform_tags_the_table_with_a_service():
    assert terraform_tags() == {AZURE_TAG: "databricks"}
    assert "databricks" in NAMED


def test_bicep_sets_the_tag_of_a_table_that_it_does_not_write(bicep):
    template = bicep_parameters(bicep)
    [written] = [one for one in template["resources"].values() if not one.get("existing")]
    assert written["type"] == "Microsoft.Resources/tags"
    assert f"createObject('{AZURE_TAG}'" in written["properties"]["tags"]
    assert template["parameters"][AZURE_TAG]["defaultValue"] in NAMED


@pytest.mark.parametrize("value", re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE))
def test_the_app_takes_each_value_of_the_page(azure, make_app, value):
    tags = re.split(r",\s*", value) if value not in NAMED else []
    regional = ("AzureDatabricks", "Sql.WestEurope", "Storage.WestEurope", "EventHub.WestEurope")
    document = tag_document(["20.0.0.0/24"])
    for name in {*tags, *regional} - {TAG, "off"}:
        document["values"] += tag_document(["20.0.1.0/24"], name)["values"]
    azure.state.tags.answers["westeurope"] = document

    allowed = ",".join([TAG, "databricks", *tags])
    app = make_app(DISCOVER_BY_TAG="true", ALLOWED_SERVICE_TAGS=allowed)
    tag_table(add_table(azure.state, "one"), value)
    [change] = app.check.check().tag_changes
    assert change.effect == "registered"
    assert app.registry.get(rid("one")).by_tag
