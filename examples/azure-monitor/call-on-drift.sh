#!/usr/bin/env bash
# Makes an action group and two alert rules by which Azure Monitor tells ASE Route Sync within minutes that
# somebody wrote or deleted a route table. It needs the Azure CLI, signed in as a person who may make them.
#
#   call-on-drift.sh APP_GROUP APP SUBSCRIPTION_ID GROUP [KEY_NAME]
#
# APP is the function app, in its resource group APP_GROUP. SUBSCRIPTION_ID has the route tables, and GROUP is
# a resource group in it, for the action group and the rules. If you run it again, the key is a new one. To let
# the old one count until the action group has the new one, give another KEY_NAME, then delete the old key.
set -euo pipefail
if [ $# -lt 4 ] || [ $# -gt 5 ]; then
  echo "usage: $0 APP_GROUP APP SUBSCRIPTION_ID GROUP [KEY_NAME]" >&2
  exit 2
fi
app_group=$1 app=$2 subscription=$3 group=$4 key_name=${5:-action-group}

# Everybody who may read the action group can read the key in its URL. So it is a key of one function, which
# opens no other.
host=$(az functionapp show --resource-group "$app_group" --name "$app" \
  --query defaultHostName --output tsv)
az functionapp function keys set --resource-group "$app_group" --name "$app" \
  --function-name alert --key-name "$key_name" --output none
key=$(az functionapp function keys list --resource-group "$app_group" --name "$app" \
  --function-name alert --query "\"$key_name\"" --output tsv)
[ -n "$key" ] || { echo "the function 'alert' shows no key with the name $key_name" >&2; exit 1; }

# The URL comes through a pipe, because everybody can read the arguments of a process.
action_group=$(printf 'https://%s/api/alerts?code=%s' "$host" "$key" |
  az monitor action-group create --subscription "$subscription" --resource-group "$group" \
    --name ase-route-sync --short-name routesync \
    --action webhook ase-route-sync @- usecommonalertschema --query id --output tsv)

# A rule can name only one type. The app ignores its own writes.
for type in routeTables routeTables/routes; do
  az monitor activity-log alert create --subscription "$subscription" --resource-group "$group" \
    --name "ase-route-sync-${type/\//-}" --scope "/subscriptions/$subscription" \
    --action-group "$action_group" --output none \
    --condition category=Administrative and "resourceType=Microsoft.Network/$type" and status=Succeeded
  echo "· rule for Microsoft.Network/$type"
done
