"""Microsoft.Resources: tenants, subscriptions and resource groups."""

from starlette.responses import JSONResponse, Response

from .call import Call
from .errors import group_not_found, subscription_not_found
from .identity import TENANT
from .state import Group


class TenantApi:
    kind = "Microsoft.Resources/tenants"

    def list_page(self, call: Call) -> Response:
        return JSONResponse(call.page("value", [{"id": f"/tenants/{TENANT}", "tenantId": TENANT}]))


class SubscriptionApi:
    kind = "Microsoft.Resources/subscriptions"

    def list_page(self, call: Call) -> Response:
        """Answer the subscriptions in which the caller has any role."""
        rows = [
            _subscription_json(subscription)
            for subscription in sorted(call.state.subscriptions)
            if call.principal.sees(f"/subscriptions/{subscription}")
        ]
        return JSONResponse(call.page("value", rows))

    def get(self, call: Call) -> Response:
        if call.target.subscription.lower() not in call.state.subscriptions:
            raise subscription_not_found(call.target.subscription)
        return JSONResponse(_subscription_json(call.target.subscription))


class GroupApi:
    kind = "Microsoft.Resources/subscriptions/resourceGroups"

    def list_page(self, call: Call) -> Response:
        groups = call.state.groups(call.target.subscription_id)
        return JSONResponse(call.page("value", [_group_json(group) for group in groups]))

    def get(self, call: Call) -> Response:
        group = call.state.group(call.target.group_id)
        if group is None:
            raise group_not_found(call.target.group)
        return JSONResponse(_group_json(group))


def _subscription_json(subscription: str) -> dict[str, object]:
    return {
        "id": f"/subscriptions/{subscription}",
        "subscriptionId": subscription,
        "tenantId": TENANT,
        "displayName": f"Simulated {subscription[:8]}",
        "state": "Enabled",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
    }


def _group_json(group: Group) -> dict[str, object]:
    return {
        "id": group.resource_id,
        "name": group.resource_id.rsplit("/", 1)[1],
        "type": "Microsoft.Resources/resourceGroups",
        "location": group.location,
        "properties": {"provisioningState": "Deleting" if group.being_deleted else "Succeeded"},
    }
