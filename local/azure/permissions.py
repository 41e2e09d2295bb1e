"""`Microsoft.Authorization/permissions`: the caller's rights at any scope.

Source: "Permissions - List For Resource".
"""

from starlette.responses import JSONResponse, Response

from .call import Call


class PermissionApi:
    kind = "Microsoft.Authorization/permissions"

    def list_page(self, call: Call) -> Response:
        rows = [
            {
                "actions": list(role.actions),
                "notActions": list(role.not_actions),
                "dataActions": [],
                "notDataActions": [],
            }
            for role in call.principal.roles_at(call.target.resource_id)
        ]
        return JSONResponse({"value": rows})
