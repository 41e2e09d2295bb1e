"""Whoever we are: managed identity in Azure, `az login` on a laptop."""

from azure.core.credentials import TokenCredential
from azure.identity import DefaultAzureCredential


def credential(*, authority: str, client_id: str | None) -> TokenCredential:
    return DefaultAzureCredential(authority=authority, managed_identity_client_id=client_id)
