"""How much of a plan waits for approval."""

from enum import StrEnum


class ApplyPolicy(StrEnum):
    """What waits for a person's approval, the least strict first."""

    AUTO = "auto"
    ADDITIVE = "additive"
    APPROVAL = "approval"


def strictest(*policies: ApplyPolicy) -> ApplyPolicy:
    return max(policies, key=list(ApplyPolicy).index)
