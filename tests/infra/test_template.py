"""`az deployment sub create` needs one file alone."""

import json
import re
from pathlib import Path

from .test_names import LONGEST

ROOT = Path(__file__).parents[2]
LONGEST_LOCATION = "germanywestcentral"


def every_resource(template):
    """Also those of nested deployments."""
    resources = template["resources"]
    for resource in resources if isinstance(resources, list) else resources.values():
        yield resource
        if resource["type"] == "Microsoft.Resources/deployments":
            yield from every_resource(resource["properties"]["template"])


def test_the_template_is_for_a_subscription_and_links_to_no_other_file(template):
    assert template["$schema"].endswith("/subscriptionDeploymentTemplate.json#")
    assert "templateLink" not in json.dumps(template)


def test_it_needs_no_more_than_a_name_and_a_location(template):
    required = {name for name, one in template["parameters"].items() if "defaultValue" not in one}
    assert required == {"environmentName", "location"}


def test_an_existing_resource_group_keeps_its_tags_and_its_location(template):
    groups = [
        resource
        for resource in every_resource(template)
        if resource["type"] == "Microsoft.Resources/resourceGroups"
    ]
    assert len(groups) == 2  # the second one has the system topic of a watched subscription
    for group in groups:
        assert "onlyIfNotExists" in group.get("@options", {})


def test_a_release_carries_it():
    release = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    assert re.search(r"make [\w ]*\btemplate\b", release)
    assert 'gh release create "$GITHUB_REF_NAME" build/*' in release
    makefile = (ROOT / "Makefile").read_text()
    assert "infra/main.bicep --outfile build/azuredeploy.json" in makefile


def test_a_deployment_in_a_subscription_has_another_name_in_another_location(template):
    names = {
        name: one["name"]
        for name, one in template["resources"].items()
        if one["type"] == "Microsoft.Resources/deployments" and "location" in one
    }
    assert names.keys() == {"roles", "watched", "drift"}
    both = "[format('{0}-{1}', parameters('environmentName'), deployment().location)]"
    assert template["variables"]["deploymentName"] == both
    for name, text in names.items():
        assert text == f"[format('{name}-{{0}}', variables('deploymentName'))]"
        assert len(f"{name}-{LONGEST}-{LONGEST_LOCATION}") <= 64
