"""The apply policy, and how the policies of the app and of a registration combine."""

from enum import StrEnum


class ApplyPolicy(StrEnum):
    """The changes that wait for a person's approval; the least strict policy comes first."""

    AUTO = "auto"
    ADDITIVE = "additive"
    APPROVAL = "approval"


def strictest(*policies: ApplyPolicy) -> ApplyPolicy:
    return max(policies, key=list(ApplyPolicy).index)
