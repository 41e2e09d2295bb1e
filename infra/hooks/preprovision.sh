#!/bin/sh
# azd runs this before it provisions, because the deployment itself would tell only after many minutes:
# - Flex Consumption with a subnet needs a provider that is registered and a subnet that fits.
# - A subscription can have one Event Grid system topic only. The deployment gets the id of one that is
#   there: azd reads its variables again after a hook (Azure/azure-dev#1667).
# It asks Azure with azd's own sign-in, because the Azure CLI signs in separately.
set -eu
app=${AZURE_SUBSCRIPTION_ID-}
if [ -z "$app" ]; then
  # `azd up` asks for the subscription before this hook, and `azd provision` after it (Azure/azure-dev#3745).
  echo "azd does not know the subscription yet, so neither the subnet nor the system topics are checked."
  echo "If you want that, stop here and run: azd env set AZURE_SUBSCRIPTION_ID SUBSCRIPTION"
  exit 0
fi
subnet=${INTEGRATION_SUBNET_ID-}
if [ "${HOSTING_PLAN-}" = premium ]; then
  subnet=
fi
watched=
if [ "${RESOURCE_EVENTS-}" != false ]; then
  watched=$(echo "${WATCHED_SUBSCRIPTION_IDS-}" | tr ',[:upper:]' ' [:lower:]')
  watched=$(printf '%s\n' ${watched:-$app} | sort -u)
fi
if [ -z "$subnet$watched" ]; then
  exit 0
fi

case "${AZURE_LOCATION-}" in
  usgov* | usdod*) arm=https://management.usgovcloudapi.net ;;
  china*) arm=https://management.chinacloudapi.cn ;;
  *) arm=https://management.azure.com ;;
esac
arm=${ARM_ENDPOINT:-$arm}
token=$(azd auth token --output json | sed -n 's/.*"token" *: *"\([^"]*\)".*/\1/p')
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

provider_state() { # NAMESPACE SUBSCRIPTION: it prints nothing if you may not read it
  if [ "$(ask GET "/subscriptions/$2/providers/$1?api-version=2021-04-01")" = 200 ]; then
    values registrationState | head -n 1
  fi
}

register_provider() { # NAMESPACE SUBSCRIPTION: it fails if Azure refuses it
  if [ "$(ask POST "/subscriptions/$2/providers/$1/register?api-version=2021-04-01")" = 200 ]; then
    echo "The provider $1 is being registered in the subscription $2."
    return
  fi
  echo "The provider $1 is not registered. Ask somebody who may to run:" >&2
  echo "  az provider register --namespace $1 --subscription $2" >&2
  return 1
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

find_topic() { # SUBSCRIPTION: it prints the id of its topic, which is then in $answer
  next="/subscriptions/$1/providers/Microsoft.EventGrid/systemTopics?api-version=2022-06-15"
  while [ -n "$next" ]; do
    [ "$(ask GET "$next")" = 200 ] || return 1
    next=$(values nextLink | sed 's|^[a-z]*://[^/]*||; s/\\u0026/\&/g')
    ids=
    if values source | grep -qixF "/subscriptions/$1"; then
      ids=$(values id | grep -i /systemTopics/)
    fi
    for id in $ids; do
      if [ "$(ask GET "$id?api-version=2022-06-15")" = 200 ] &&
        values source | grep -qixF "/subscriptions/$1"; then
        echo "$id"
        return
      fi
    done
  done
}

check_identity() { # ID of the topic that is in $answer
  group=$(echo "$1" | cut -d / -f 5)
  case "$(values type)" in
    *SystemAssigned*) return ;;
    *UserAssigned*) add="resource update --ids $1 --set identity.type='SystemAssigned, UserAssigned'" ;;
    *) add="eventgrid system-topic update --subscription $2 --resource-group $group --name ${1##*/} --identity systemassigned" ;;
  esac
  tell "The system topic ${1##*/} has no system-assigned identity. Ask its owner to run:"
  echo "  az $add" >&2
}

pass_on_topics() {
  name=$(echo "${AZURE_ENV_NAME-}" | tr '_.()' '----' | tr -s - | sed 's/^-//; s/-$//')
  group=${RESOURCE_GROUP_NAME:-rg-$name}-drift
  found=
  for subscription in $watched; do
    state=$(provider_state Microsoft.EventGrid "$subscription")
    ours=/subscriptions/$subscription/resourceGroups/$group/providers/Microsoft.EventGrid/systemTopics/egst-$name
    if [ "${state:-Registered}" != Registered ]; then
      # There can be no topic. The deployment itself also registers the provider, if you may.
      register_provider Microsoft.EventGrid "$subscription" || true
      topic=
    elif ! topic=$(find_topic "$subscription"); then
      echo "You may not read the system topics of $subscription. Ask somebody who may to run:" >&2
      echo "  az eventgrid system-topic list --subscription $subscription --query \"[?source=='/subscriptions/$subscription'].id\"" >&2
      echo "If there is one, run: azd env set SYSTEM_TOPIC_IDS ID" >&2
      topic=$(echo "${SYSTEM_TOPIC_IDS-}" | tr ', ' '\n\n' | grep -i "^/subscriptions/$subscription/" || true)
    elif echo "$topic" | grep -qixF "$ours"; then
      topic=
    elif [ -n "$topic" ]; then
      check_identity "$topic" "$subscription"
    fi
    found=${found:+$found${topic:+,}}$topic
  done

  if [ "$found" != "${SYSTEM_TOPIC_IDS-}" ]; then
    echo "System topics that are there already, and that the deployment uses: ${found:-none}"
    azd env set "SYSTEM_TOPIC_IDS=$found"
  fi
}

if [ -n "$subnet" ]; then
  check_subnet
  [ "$(provider_state Microsoft.App "$app")" = Registered ] ||
    register_provider Microsoft.App "$app" || wrong=1
fi
if [ -n "$watched" ]; then
  pass_on_topics
fi
exit "$wrong"
