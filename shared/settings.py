"""App settings, read once at the first invocation. One error lists all faults.

The app records those that are no secrets, so that the command line follows them.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, parse_qs, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from .domain.addresses import is_list, is_service_tag
from .domain.clouds import CLOUDS, Cloud
from .domain.custom_lists import kept
from .domain.routing.policy import ApplyPolicy
from .domain.schedules import schedule_fault
from .domain.services.known import NAMED

_STORAGE = (
    "AzureWebJobsStorage",
    "AzureWebJobsStorage__accountName",
    "AzureWebJobsStorage__tableServiceUri",
)
_SCHEDULES = ("SYNC_SCHEDULE", "CHECK_SCHEDULE")
_SECRET_PARTS = ("accountkey", "sharedaccesssignature")

POLICY = frozenset(
    {
        *("SERVICE_TAG", "SERVICE_TAG_SUBSCRIPTION_ID", "SERVICE_TAG_LOCATIONS"),
        *("CUSTOM_LISTS", "ALLOWED_SERVICE_TAGS", "ROUTE_OWNER", "APPLY_POLICY", "PAUSED"),
        *("MAX_REMOVED_PERCENT", "REMOVAL_GRACE_DAYS", "MIN_PREFIX_LENGTH", "ROUTE_LIMIT"),
        *("MAX_SYNC_AGE_DAYS", "RUN_RETENTION_DAYS", "PUBLISHED_TAGS_URL"),
        *("ARM_API_VERSION_NETWORK", "ARM_API_VERSION_WEB"),
    }
)
"""The settings that decide what a run does. The app and a command must agree on them."""
RECORDED = POLICY | {
    *("AZURE_CLOUD", "SYNC_SCHEDULE", "CHECK_SCHEDULE", "PUBLIC_URL", "REQUIRE_TOKENS"),
    "DISCOVER_BY_TAG",
    *("WEBSITE_HOSTNAME", "WEBSITE_SITE_NAME", "WEBSITE_OWNER_NAME"),
}
"""The settings that the app records. None is a secret, and none says where a token is sent:
whoever may write the record must not get the token of a person who reads it.
"""
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_SIGNED = re.compile(r"(^|[-_])(sig|signature|code|key|token|password|secret)$", re.IGNORECASE)
"""The last word of a query parameter that opens something: of Azure, of its functions, of S3."""
_API_VERSION = r"^\d{4}-\d\d-\d\d(-preview)?$"
_GUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


class InvalidSettings(Exception):
    """Some settings are missing or wrong; `faults` lists all of them."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def _comma_separated(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _service_tag(value: str) -> str:
    if not is_service_tag(value):
        raise ValueError("not the name of a service tag")
    return value


def _allowed(value: str) -> str:
    if not is_list(value) and not is_service_tag(value):
        raise ValueError("not the name of a service tag or of a list")
    return value


def _no_service(value: str) -> str:
    if value in NAMED:
        raise ValueError("the name of a service, and no service tag")
    return value


def _url(value: str) -> str:
    url = urlsplit(value)
    is_plain_loopback = url.scheme == "http" and url.hostname in LOOPBACK
    if not url.hostname or not (url.scheme == "https" or is_plain_loopback):
        raise ValueError("not an https URL; plain http is allowed on loopback only")
    if not _has_good_port(url):
        raise ValueError("not a URL with a port from 0 to 65535")
    return value


def _has_good_port(url: SplitResult) -> bool:
    """The message of urllib shows the port, which may be a part of a password."""
    try:
        return url.port is None or url.port >= 0
    except ValueError:
        return False


def _endpoint(value: str) -> str:
    return _url(value).rstrip("/")


def _public_url(value: str) -> str:
    """A command follows this setting of the app, so it is shown and recorded."""
    url = urlsplit(_url(value))
    if "@" in url.netloc or any(map(_SIGNED.search, parse_qs(url.query))):
        raise ValueError("has a user, a key or a signature in it, which would be a secret")
    return value


def _address(value: str) -> str:
    """Links go after it, and `Location` may have ASCII letters only."""
    address = _endpoint(value)
    if not value.isascii() or re.search(r"[?#@\s]|/api$", address):
        raise ValueError("not an address in ASCII without query, user and the final /api")
    return address


type _ServiceTag = Annotated[str, BeforeValidator(_service_tag)]
type _Allowed = Annotated[str, BeforeValidator(_allowed)]
type _CommaSeparated[T] = Annotated[list[T], BeforeValidator(_comma_separated)]


class Connections(BaseModel):
    """The settings that lead to Azure and to the storage account. A command needs no others."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    azure_cloud: Literal["AzureCloud", "AzureUSGovernment", "AzureChinaCloud"] = Field(
        "AzureCloud", alias="AZURE_CLOUD"
    )
    arm_endpoint: Annotated[str, BeforeValidator(_endpoint)] | None = Field(
        None, alias="ARM_ENDPOINT"
    )
    azure_client_id: str | None = Field(None, alias="AZURE_CLIENT_ID")
    storage_connection_string: str | None = Field(None, alias="AzureWebJobsStorage")
    storage_account_name: str | None = Field(None, alias="AzureWebJobsStorage__accountName")
    storage_table_service_uri: Annotated[str, BeforeValidator(_endpoint)] | None = Field(
        None, alias="AzureWebJobsStorage__tableServiceUri"
    )
    storage_blob_service_uri: Annotated[str, BeforeValidator(_endpoint)] | None = Field(
        None, alias="AzureWebJobsStorage__blobServiceUri"
    )
    storage_client_id: str | None = Field(None, alias="AzureWebJobsStorage__clientId")

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """Treat an empty setting as missing. Raise InvalidSettings if any setting is wrong."""
        given = _given(environment)
        faults = _storage_faults(given)
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            faults += [_fault(detail) for detail in error.errors(include_url=False)]
            raise InvalidSettings(faults) from None

        if faults:
            raise InvalidSettings(faults)
        return settings

    @property
    def cloud(self) -> Cloud:
        return CLOUDS[self.azure_cloud]

    @property
    def table_endpoint(self) -> str:
        """Return the URL of Table Storage for an identity-based connection."""
        return self.storage_table_service_uri or (
            f"https://{self.storage_account_name}.table.{self.cloud.storage_suffix}"
        )

    @property
    def blob_endpoint(self) -> str:
        """Return the URL of Blob Storage for an identity-based connection."""
        return self.storage_blob_service_uri or self.table_endpoint.replace(".table.", ".blob.", 1)

    @property
    def secrets(self) -> Iterator[str]:
        """Yield what no log and no terminal may show."""
        for part in (self.storage_connection_string or "").split(";"):
            name, _, value = part.partition("=")
            if name.strip().lower() in _SECRET_PARTS:
                yield value.strip()


class FrontSettings(BaseModel):
    """The settings about what stands in front of the app. They count before anybody is let in."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    public_url: Annotated[str, BeforeValidator(_address)] | None = Field(None, alias="PUBLIC_URL")
    website_auth_enabled: bool = Field(False, alias="WEBSITE_AUTH_ENABLED")

    @classmethod
    def known(cls, environment: Mapping[str, str]) -> Self:
        """Return them even if some are wrong: a wrong one has its default."""
        given = _given(environment)
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            wrong = {detail["loc"][0] for detail in error.errors()}
            return cls.model_validate({name: given[name] for name in given.keys() - wrong})


class Settings(Connections, FrontSettings):
    arm_api_version_network: str | None = Field(
        None, alias="ARM_API_VERSION_NETWORK", pattern=_API_VERSION
    )
    arm_api_version_web: str | None = Field(None, alias="ARM_API_VERSION_WEB", pattern=_API_VERSION)
    service_tag: Annotated[_ServiceTag, AfterValidator(_no_service)] = Field(
        "AppServiceManagement", alias="SERVICE_TAG"
    )
    service_tag_subscription_id: str = Field(alias="SERVICE_TAG_SUBSCRIPTION_ID", pattern=_GUID)
    service_tag_locations: _CommaSeparated[Annotated[str, Field(pattern=r"^[a-z0-9]+$")]] = Field(
        alias="SERVICE_TAG_LOCATIONS", min_length=1
    )
    published_tags_url: Annotated[str, BeforeValidator(_public_url)] | None = Field(
        None, alias="PUBLISHED_TAGS_URL"
    )
    # A wrong list matters to its route tables alone, so no text is a fault of the settings.
    custom_lists: Annotated[str, BeforeValidator(kept)] | None = Field(None, alias="CUSTOM_LISTS")
    allowed_service_tags: _CommaSeparated[_Allowed] | None = Field(
        None, alias="ALLOWED_SERVICE_TAGS"
    )
    discover_by_tag: bool = Field(False, alias="DISCOVER_BY_TAG")
    route_owner: str = Field("asemgmt", alias="ROUTE_OWNER", pattern=r"^[a-z0-9]{1,20}$")
    paused: bool = Field(False, alias="PAUSED")
    removal_grace_days: int = Field(28, alias="REMOVAL_GRACE_DAYS", ge=0, le=3650)
    max_removed_percent: int = Field(10, alias="MAX_REMOVED_PERCENT", ge=0, le=100)
    min_prefix_length: int = Field(16, alias="MIN_PREFIX_LENGTH", ge=0, le=32)
    route_limit: int | None = Field(None, alias="ROUTE_LIMIT", ge=1)
    apply_policy: ApplyPolicy = Field(ApplyPolicy.AUTO, alias="APPLY_POLICY")
    sync_schedule: str | None = Field(None, alias="SYNC_SCHEDULE")
    check_schedule: str | None = Field(None, alias="CHECK_SCHEDULE")
    notify_webhook_url: Annotated[str, BeforeValidator(_url)] | None = Field(
        None, alias="NOTIFY_WEBHOOK_URL"
    )
    notify_format: Literal["json", "teams", "slack"] = Field("json", alias="NOTIFY_FORMAT")
    max_sync_age_days: int = Field(2, alias="MAX_SYNC_AGE_DAYS", ge=1, le=3650)
    run_retention_days: int = Field(400, alias="RUN_RETENTION_DAYS", ge=1, le=3650)
    require_tokens: bool = Field(False, alias="REQUIRE_TOKENS")
    website_hostname: str | None = Field(None, alias="WEBSITE_HOSTNAME")
    website_site_name: str | None = Field(None, alias="WEBSITE_SITE_NAME")
    website_owner_name: str | None = Field(None, alias="WEBSITE_OWNER_NAME")

    def recorded(self) -> dict[str, str]:
        """Return the value in effect of each recorded setting, as text that `read` takes again."""
        values = self.model_dump(by_alias=True) | {"ALLOWED_SERVICE_TAGS": sorted(self.allowed)}
        return {name: _text(values[name]) for name in sorted(RECORDED)}

    @property
    def allowed(self) -> frozenset[str]:
        """Return the service tags and lists that may be registered and synced."""
        return frozenset(self.allowed_service_tags or [self.service_tag])

    @property
    def missing_schedules(self) -> list[str]:
        """Return the missing schedules: without its schedule, a timer never fires."""
        return [name for name, text in self._schedules.items() if text is None]

    @property
    def wrong_schedules(self) -> dict[str, str]:
        """Return what is wrong with each wrong schedule. It stops its timer, and nothing else."""
        given = [(name, text) for name, text in self._schedules.items() if text is not None]
        faults = {name: schedule_fault(text) for name, text in given}
        return {name: fault for name, fault in faults.items() if fault is not None}

    @property
    def _schedules(self) -> dict[str, str | None]:
        return dict(zip(_SCHEDULES, (self.sync_schedule, self.check_schedule), strict=True))

    @property
    def secrets(self) -> Iterator[str]:
        if self.notify_webhook_url is not None:
            url = urlsplit(self.notify_webhook_url)
            # Some receivers have their secret in the path instead of the query.
            yield from (self.notify_webhook_url, url.path)
        yield from super().secrets

    @property
    def address(self) -> str | None:
        """Return the URL by which people reach the app."""
        return next(iter(self.addresses), None)

    @property
    def addresses(self) -> list[str]:
        """Return every URL of the app: that of the gateway, then that of its host."""
        return [url for url in (self.public_url, self._host_address) if url is not None]

    @property
    def _host_address(self) -> str | None:
        """App Service sets the host name."""
        if self.website_hostname is None:
            return None
        is_local = urlsplit(f"//{self.website_hostname}").hostname in LOOPBACK
        scheme = "http" if is_local else "https"
        try:
            return _address(f"{scheme}://{self.website_hostname}")
        except ValueError:
            return None

    @property
    def app_name(self) -> str | None:
        """Return the name of the function app, which App Service sets."""
        return self.website_site_name

    @property
    def app_subscription_id(self) -> str | None:
        """Return the subscription of the function app.

        App Service sets `{subscription}+{group}-{region}webspace`. Source: `GetSubscriptionId` in
        EnvironmentExtensions.cs of azure-functions-host.
        """
        subscription_id, plus, _ = (self.website_owner_name or "").partition("+")
        return subscription_id if plus else None


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list():
            return ",".join(value)
        case _:
            return str(value)


def _given(environment: Mapping[str, str]) -> dict[str, Any]:
    stripped = {name: value.strip() for name, value in environment.items()}
    # The host reads the schedules as they are, and drops only blanks.
    stripped |= {name: environment[name].strip(" ") for name in _SCHEDULES if name in environment}
    return {name: value for name, value in stripped.items() if value}


def _storage_faults(given: Mapping[str, Any]) -> list[str]:
    if any(name in given for name in _STORAGE):
        return []
    return [f"{' or '.join(_STORAGE)}: missing"]


def _fault(detail: Mapping[str, Any]) -> str:
    name = str(detail["loc"][0])
    if detail["type"] == "missing":
        return f"{name}: missing"
    # The value itself is never shown, because it may be a secret.
    message = re.sub(r"^Value error, ", "", detail["msg"])
    return f"{name}: {message}"
