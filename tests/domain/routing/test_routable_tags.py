"""Service tags that Azure takes as a prefix: what its answer says, else what its file says."""

import gzip
import json

import pytest

from local import routable_tags
from shared.domain.routing.publication import Publication
from shared.domain.routing.published_tags import PUBLISHED
from shared.domain.routing.routable_tags import is_routable, why_not_routable
from tests.builders.recorded import DOCUMENTS, needs_documents

TAG = "AppServiceManagement"
NEWEST = {
    "AzureCloud": ("ServiceTags_Public_20251027.json.gz", 968),
    "AzureUSGovernment": ("ServiceTags_AzureGovernment_20260706.json.gz", 140),
    "AzureChinaCloud": ("ServiceTags_China_20260706.json.gz", 37),
}


@needs_documents
@pytest.mark.parametrize("cloud", NEWEST)
def test_every_tag_of_the_newest_file_is_judged_as_the_file_says(cloud):
    name, routable = NEWEST[cloud]
    file = json.loads(gzip.decompress((DOCUMENTS / name).read_bytes()))
    says = {
        value["name"]: "UDR" in (value["properties"]["networkFeatures"] or ())
        for value in file["values"]
    }
    assert sum(says.values()) == routable
    assert {tag: is_routable(cloud, tag, None) for tag in says} == says


@pytest.mark.parametrize(
    ("cloud", "tag", "routable"),
    [
        ("AzureCloud", TAG, True),
        ("AzureCloud", f"{TAG}.WestEurope", False),
        ("AzureCloud", "ApiManagement.WestEurope", True),
        ("AzureCloud", "ApiManagement.westeurope", True),
        ("AzureCloud", "AzureCloud.WestEurope", False),
        ("AzureCloud", "BatchNodeManagement.WestEurope", False),
        ("AzureChinaCloud", TAG, False),
        ("AzureChinaCloud", "AzureMachineLearning", True),
        # A region that came later, a tag that came later, and names that only begin alike.
        ("AzureCloud", "ApiManagement.Atlantis", None),
        ("AzureCloud", "NoSuchTag", None),
        ("AzureCloud", f"{TAG}New", None),
        ("AzureCloud", TAG.lower(), None),
    ],
)
def test_without_a_word_of_the_answer_the_file_decides(cloud, tag, routable):
    assert is_routable(cloud, tag, None) is routable


@pytest.mark.parametrize("tag", [TAG, f"{TAG}.WestEurope", "NoSuchTag"])
@pytest.mark.parametrize("answer", [True, False])
def test_the_answer_wins_over_the_file(tag, answer):
    assert is_routable("AzureCloud", tag, answer) is answer


def test_a_refusal_says_who_has_said_so():
    by_file = "Microsoft's weekly file of 2026-07-06 (change 403) says that no route in "
    said = f"AzureChinaCloud may have {TAG} as its prefix"
    assert why_not_routable("AzureChinaCloud", TAG, None) == by_file + said
    by_answer = "the Service Tag Discovery API says that no route in "
    assert why_not_routable("AzureChinaCloud", TAG, answer=False) == by_answer + said
    assert why_not_routable("AzureChinaCloud", TAG, answer=True) is None
    assert why_not_routable("AzureCloud", "NoSuchTag", None) is None


def test_each_ending_in_a_line_is_read():
    file = Publication(
        published="2026-01-01",
        change_number=1,
        regions="eastus westus\n westeurope",
        routable="Both . * -westus\n more",
        others="Regions *",
    )
    routable = ["Both", "Both.EastUS", "Both.WestEurope", "Both.more"]
    others = ["Regions.EastUS", "Regions.WestUS", "Regions.WestEurope"]
    unknown = ["Both.WestUS", "Both.regions", "Regions", "Regions.more"]
    said = {True: routable, False: others, None: unknown}
    for expected, tags in said.items():
        assert [file.says(tag) for tag in tags] == [expected] * len(tags)


@needs_documents
def test_the_data_is_what_the_script_makes_of_the_files():
    assert routable_tags.MODULE.read_text() == routable_tags.text(DOCUMENTS), (
        "make routable-tags writes it anew"
    )


def write(folder, name, cloud, *routable, number=1):
    values = [
        {"name": tag, "properties": {"region": "wrong", "networkFeatures": ["NSG", "UDR"]}}
        for tag in routable
    ]
    values.append({"name": "Neither", "properties": {"region": "", "networkFeatures": None}})
    content = {"cloud": cloud, "changeNumber": number, "values": values}
    (folder / name).write_text(json.dumps(content))


def test_the_newest_file_of_each_cloud_counts(tmp_path):
    write(tmp_path, "ServiceTags_China_20260706.json", "China", "New.ChinaEast", number=9)
    write(tmp_path, "ServiceTags_China_20200914.json", "China", "Old", number=5)
    write(tmp_path, "ServiceTags_Public_20251027.json", "Public", "Sql")
    write(tmp_path, "ServiceTags_AzureGermany_20211004.json", "AzureGermany", "Sql")
    (tmp_path / "notes.txt").write_text("no weekly file")
    with pytest.raises(ValueError, match="AzureUSGovernment"):
        routable_tags.text(tmp_path)

    write(tmp_path, "ServiceTags_AzureGovernment_20260706.json", "AzureGovernment", "Sql")
    text = routable_tags.text(tmp_path)
    assert "New chinaeast" in text
    assert "Old" not in text
    assert 'published="2026-07-06",\n        change_number=9,' in text


@pytest.mark.parametrize(
    ("cloud", "row", "date"),
    [
        ("AzureCloud", "public", "public cloud of {}"),
        ("AzureUSGovernment", "US Government", "US Government and China of {}"),
        ("AzureChinaCloud", "China", "US Government and China of {}"),
    ],
)
def test_the_page_has_the_figures_of_the_data(cloud, row, date):
    file = PUBLISHED[cloud]
    page = (routable_tags.ROOT / "docs" / "environments.md").read_text()
    regional = [name for name, ending in file._routable if ending]
    assert f"| {row} | {len(file._routable)}, of which {len(regional)} are regional |" in page
    assert date.format(file.published) in page
