"""A snapshot lists the resources that the template deploys, and its outputs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from local.snapshots import PROFILES, file_of

type Resource = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Deployed:
    resources: Sequence[Resource]
    outputs: Mapping[str, Any]

    @classmethod
    def read(cls, snapshot: str) -> Self:
        found = json.loads(snapshot)
        return cls(found["predictedResources"], found["outputs"])

    def all(self, kind: str) -> list[Resource]:
        """Each resource of this type."""
        return [resource for resource in self.resources if resource["type"] == kind]

    def one(self, kind: str, name: str = "") -> Resource:
        """The only resource of this type whose name ends so."""
        [resource] = [one for one in self.all(kind) if one["name"].endswith(name)]
        return resource

    @property
    def site(self) -> Resource:
        return self.one("Microsoft.Web/sites")

    @property
    def storage(self) -> Resource:
        return self.one("Microsoft.Storage/storageAccounts")

    @property
    def settings(self) -> Mapping[str, str]:
        """The app settings."""
        config = self.one("Microsoft.Web/sites/config", "/appsettings")
        settings: Mapping[str, str] = config["properties"]
        return settings


DEPLOYED = {file.stem: Deployed.read(file_of(file).read_text()) for file in PROFILES}
"""Each profile by its name."""
