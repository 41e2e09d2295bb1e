#!/bin/sh
# azd runs this before it provisions. Flex Consumption with a subnet needs a provider that is registered
# and a subnet that fits. The deployment itself would tell only after many minutes.
# It asks Azure with azd's own sign-in, because the Azure CLI signs in separately.
set -eu
subnet=${INTEGRATION_SUBNET_ID-}
if [ -z "$subnet" ] || [ "${HOSTING_PLAN-}" = premium ]; then
  exit 0
fi
arm=${ARM_ENDPOINT:-https://management.azure.com}
token=$(azd auth token --scope https://management.azure.com/.default --output json |
  sed -n 's/.*"token" *: *"\([^"]*\)".*/\1/p')
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
wrong=0

ask() { # METHOD PATH: it prints the status, and the body is in $answer
  curl -sS -o "$answer" -w '%{http_code}' -X "$1" -H "Authorization: Bearer $token" \
    -H 'Content-Length: 0' "$arm$2"
}

values() { # FIELD: all its values in the answer, a line each
  tr -d '\n' < "$answer" | grep -o "\"$1\" *: *\[* *\"[^\"]*\"" | sed 's/.*: *\[* *"//; s/"$//' || true
}

tell() {
  echo "$1" >&2
  wrong=1
}

check_subnet() {
  case "${subnet##*/}" in
    *_*) tell "The subnet ${subnet##*/} has an underscore in its name, and Flex Consumption refuses it." ;;
  esac
  if [ "$(ask GET "$subnet?api-version=2024-05-01")" != 200 ]; then
    echo "You may not read the subnet. Ask somebody who may to run:" >&2
    echo "  az network vnet subnet show --ids $subnet" >&2
    return
  fi
  values serviceName | grep -qix 'Microsoft.App/environments' ||
    tell "The subnet is not delegated to Microsoft.App/environments."
  prefix=$({ values addressPrefix; values addressPrefixes; } | head -n 1)
  [ "${prefix##*/}" -le 26 ] || tell "The subnet has the range $prefix. It must be a /26 or larger."

  network=${subnet%/subnets/*}
  if [ "$(ask GET "$network?api-version=2024-05-01")" = 200 ]; then
    location=$(values location | head -n 1)
    [ "$location" = "$AZURE_LOCATION" ] ||
      tell "The subnet is in $location, and the app is in $AZURE_LOCATION. Both must be in one region."
  fi
  if [ "$(ask GET "${subnet%%/resourceGroups/*}/providers/Microsoft.App/managedEnvironments?api-version=2024-03-01")" = 200 ]; then
    if values infrastructureSubnetId | grep -qixF "$subnet"; then
      tell "Container Apps use the subnet. Flex Consumption needs one of its own."
    fi
  fi
}

register_provider() {
  provider=/subscriptions/$AZURE_SUBSCRIPTION_ID/providers/Microsoft.App
  if [ "$(ask GET "$provider?api-version=2021-04-01")" = 200 ] &&
    [ "$(values registrationState | head -n 1)" = Registered ]; then
    return
  fi
  if [ "$(ask POST "$provider/register?api-version=2021-04-01")" = 200 ]; then
    echo "The provider Microsoft.App is being registered in the subscription."
    return
  fi
  tell "The provider Microsoft.App is not registered. Ask somebody who may to run:"
  echo "  az provider register --namespace Microsoft.App --subscription $AZURE_SUBSCRIPTION_ID" >&2
}

check_subnet
register_provider
exit "$wrong"
