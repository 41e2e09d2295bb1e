"""Azure Resource Manager, in front of the resource providers.

Order of its checks:
1. a fault that hits the request
2. authentication, then the token buckets of the caller
3. the path: its type, the api-version, the subscription
4. authorization, then the resource group, then locks
5. Microsoft.Network's own quota, and only then the resource itself
"""

import asyncio
import json
import re
from collections.abc import Callable
from contextlib import suppress
from http.client import BAD_REQUEST
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response

from . import errors
from .call import Call
from .faults import met
from .hosting_environments import EnvironmentApi, InboundDependencyApi
from .network import NetworkChildApi, NetworkResourceApi
from .operations import OperationApi, OperationResultApi
from .permissions import PermissionApi
from .policy_restrictions import PolicyRestrictionApi
from .resource_graph import ResourceGraphApi
from .route_tables import RouteTableApi
from .security_groups import SecurityGroupApi
from .service_tags import ServiceTagApi, ServiceTagDetailApi
from .state import State
from .subscriptions import GroupApi, SubscriptionApi, TenantApi
from .target import Target
from .usages import UsageApi
from .virtual_networks import VirtualNetworkApi

_API_VERSION = re.compile(r"\d{4}-\d\d-\d\d(-preview)?")
# A caller who may write may also poll: a role on one resource group is known to be enough. The
# graph looks at the rights in each subscription itself.
_FREE_KINDS = (OperationApi.kind, OperationResultApi.kind, TenantApi.kind, ResourceGraphApi.kind)
_LOGGED_QUERY_LENGTH = 200


class _Api(Protocol):
    kind: str


class Gateway:
    def __init__(self, state: State) -> None:
        self._state = state
        self._apis = {api.kind.lower(): api for api in _all_apis()}

    async def __call__(self, request: Request) -> Response:
        """Raise ConnectionDropped if a fault drops the connection."""
        target = Target.parse(request.url.path)
        if target is None:
            return errors.unknown_type(request.url.path, "").response()
        api = self._apis.get(target.kind.lower())
        if api is not None:
            target = target.spelled(api.kind)

        call = Call(state=self._state, request=request, target=target, body=await request.body())
        return await self._respond(call, api)

    async def _respond(self, call: Call, api: _Api | None) -> Response:
        entry = self._log(call)
        timing = self._state.timing
        await asyncio.sleep(timing.real(timing.answer_seconds(call.request.method)))
        response = await met(call, lambda: self._answer(call, api))

        entry["status"] = response.status_code
        entry["principal"] = call.principal.object_id
        response.headers["x-ms-correlation-request-id"] = entry["correlationId"]
        # A fault may ask for a wait until a date, or in words.
        with suppress(KeyError, ValueError):
            seconds = timing.real(float(response.headers["Retry-After"]))
            response.headers["Retry-After"] = f"{seconds:g}"
        return response

    def _answer(self, call: Call, api: _Api | None) -> Response:
        try:
            remaining = self._admit(call)
            self._check_path(call, api)
            self._check_rights(call)

            # The watcher sees the state before the call and after it, without other changes.
            self._state.settle()
            self._state.watch(None)
            response = self._provide(call, api)
            self._state.watch(call if response.status_code < BAD_REQUEST else None)
        except errors.ArmError as error:
            return error.response()

        self._state.topic.note(call, response.status_code)
        response.headers.update(remaining)
        return response

    def _admit(self, call: Call) -> dict[str, str]:
        """Return the headers that say how many requests the caller has left."""
        call.principal, call.claims = self._state.identities.authenticate(call.request.headers)
        return self._state.throttles.admit(
            call.request.method, call.target.subscription, call.principal.object_id
        )

    def _check_path(self, call: Call, api: _Api | None) -> None:
        target, version = call.target, call.api_version
        if not version:
            raise errors.missing_api_version()
        if api is None:
            raise errors.unknown_type(target.kind, version)

        newest = self._newest_api_version(target.kind)
        if not _API_VERSION.fullmatch(version) or version[:10] > newest:
            raise errors.unknown_api_version(target, version, newest)

        subscription = target.subscription
        if subscription and subscription.lower() not in self._state.subscriptions:
            raise errors.subscription_not_found(subscription)

    def _newest_api_version(self, kind: str) -> str:
        namespace = kind.partition("/")[0].lower()
        known = self._state.newest_api_versions
        return known.get(namespace, known["microsoft.network"])

    def _check_rights(self, call: Call) -> None:
        method, target = call.request.method, call.target
        action = target.action(method)
        lists_subscriptions = target.kind == SubscriptionApi.kind and target.is_collection
        is_free = target.kind in _FREE_KINDS or lists_subscriptions
        if not is_free and not call.principal.may(action, target.resource_id):
            raise errors.authorization_failed(call.principal.object_id, action, target.resource_id)

        if target.group:
            group = self._state.group(target.group_id)
            if group is None:
                raise errors.group_not_found(target.group)
            if group.being_deleted and method != "GET":
                raise errors.group_being_deleted(target.group)

        self._state.locks.check(method, target.resource_id)

    def _provide(self, call: Call, api: _Api | None) -> Response:
        method, target = call.request.method, call.target
        handler = _handler(call, api)
        if target.namespace != "Microsoft.Network":
            return handler(call)

        # Microsoft.Network counts the calls that it refuses as well.
        self._state.throttles.admit_to_network(method, target.subscription)
        try:
            response = handler(call)
        except errors.ArmError as error:
            response = error.response()
        self._state.throttles.count_for_network(method, target.subscription, len(response.body))
        return response

    def _log(self, call: Call) -> dict[str, Any]:
        try:
            body = json.loads(call.body) if call.body else None
        except ValueError:
            body = call.body.decode(errors="replace")

        entry = {
            "at": self._state.timing.now(),
            "method": call.request.method,
            "path": call.request.url.path,
            "query": call.request.url.query[:_LOGGED_QUERY_LENGTH],
            "ifMatch": call.request.headers.get("if-match"),
            "action": call.target.action(call.request.method),
            "linked": call.linked,
            "userAgent": call.request.headers.get("user-agent", ""),
            "body": body,
            "correlationId": call.correlation_id,
            "principal": None,
            "status": None,  # it stays None if the connection is dropped
        }
        self._state.log.append(entry)
        return entry


def _all_apis() -> list[_Api]:
    parents: list[NetworkResourceApi[Any]] = [
        RouteTableApi(),
        VirtualNetworkApi(),
        SecurityGroupApi(),
    ]
    return [
        *parents,
        *(NetworkChildApi(parent) for parent in parents),
        OperationApi(),
        OperationResultApi(),
        ServiceTagApi(),
        ServiceTagDetailApi(),
        UsageApi(),
        EnvironmentApi(),
        InboundDependencyApi(),
        TenantApi(),
        SubscriptionApi(),
        GroupApi(),
        PermissionApi(),
        PolicyRestrictionApi(),
        ResourceGraphApi(),
    ]


def _handler(call: Call, api: _Api | None) -> Callable[[Call], Response]:
    """Raise ArmError if the API has no such method."""
    method, is_collection = call.request.method, call.target.is_collection
    name = "list_page" if method == "GET" and is_collection else method.lower()
    handler: Callable[[Call], Response] | None = getattr(api, name, None)
    if handler is None or (name not in {"list_page", "post"} and is_collection):
        raise errors.method_not_allowed(method)
    return handler
