"""A change of the infrastructure is seen as a change of a snapshot."""

from difflib import unified_diff

from local.snapshots import PROFILES, file_of, taken

from .deployed import DEPLOYED


def test_each_snapshot_is_what_the_template_deploys_now(bicep):
    changes: list[str] = []
    for profile in PROFILES:
        committed, now = file_of(profile).read_text(), taken(bicep, profile)
        changes += unified_diff(committed.splitlines(), now.splitlines(), profile.stem, n=1)
    assert not changes, "\n".join(["`make snapshots` writes them again:", *changes])


def test_a_profile_of_each_kind_is_deployed():
    kinds = {
        "premium",
        "private",
        "private-without-events",
        "existing-topics",
        "subscriptions",
        "no-roles",
        "alerts",
        "tokens",
        "china",
        "government",
        "webhook",
    }
    assert DEPLOYED.keys() == {"default", *kinds}
    assert {file.name for file in PROFILES[0].parent.iterdir()} == {
        name for file in PROFILES for name in (file.name, file_of(file).name)
    }
