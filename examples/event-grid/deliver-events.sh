#!/usr/bin/env bash
# Lets Event Grid put an event into ASE Route Sync's queue whenever somebody writes or deletes a route table,
# a route or a subnet. `azd up` makes the same; this is for an app that was deployed without these templates.
# It needs the Azure CLI, signed in as a person who may make this and assign roles at the storage account.
#
#   deliver-events.sh STORAGE_ID SUBSCRIPTION_ID GROUP
#
# STORAGE_ID is the ARM id of the app's storage account. SUBSCRIPTION_ID has the route tables, and GROUP is a
# resource group in it.
set -euo pipefail
if [ $# != 3 ]; then
  echo "usage: $0 STORAGE_ID SUBSCRIPTION_ID GROUP" >&2
  exit 2
fi
storage=$1 subscription=$2 group=$3
queue=$storage/queueServices/default/queues/resource-events
dead_letters=$storage/blobServices/default/containers/resource-events-dead-letters
for id in "$queue" "$dead_letters"; do
  az rest --method put --url "$id?api-version=2025-08-01" --body '{"properties": {}}' --output none
done

# A subscription can have only one system topic. If somebody else has made it, it stays as it is.
topic=$(az eventgrid system-topic list --subscription "$subscription" --output tsv \
  --query "[?source == '/subscriptions/$subscription'].[topicType, id]" |
  awk 'tolower($1) == "microsoft.resources.subscriptions" { print $2 }')
if [ -z "$topic" ]; then
  topic=$(az eventgrid system-topic create --subscription "$subscription" --resource-group "$group" \
    --name ase-route-sync --location global --topic-type Microsoft.Resources.Subscriptions \
    --source "/subscriptions/$subscription" --mi-system-assigned --query id --output tsv)
fi
principal=$(az eventgrid system-topic show --ids "$topic" --query identity.principalId --output tsv)
if [ -z "$principal" ]; then
  echo "The system topic $topic has no system-assigned identity. If it has no other identity, run:" >&2
  echo "az eventgrid system-topic update --ids $topic --mi-system-assigned" >&2
  exit 1
fi

assign() {
  az role assignment create --assignee-object-id "$principal" \
    --assignee-principal-type ServicePrincipal --role "$1" --scope "$2" --output none
}
assign 'Storage Queue Data Message Sender' "$queue"
assign 'Storage Blob Data Contributor' "$dead_letters"

# `az eventgrid system-topic event-subscription create` cannot deliver with the topic's identity (Azure/azure-cli
# #26910), and the app's storage has no keys.
body=$(
  cat <<EOF
{
  "properties": {
    "eventDeliverySchema": "EventGridSchema",
    "filter": {
      "includedEventTypes": [
        "Microsoft.Resources.ResourceWriteSuccess",
        "Microsoft.Resources.ResourceDeleteSuccess"
      ],
      "advancedFilters": [
        {
          "operatorType": "StringIn",
          "key": "data.operationName",
          "values": [
            "Microsoft.Network/routeTables/write",
            "Microsoft.Network/routeTables/delete",
            "Microsoft.Network/routeTables/routes/write",
            "Microsoft.Network/routeTables/routes/delete",
            "Microsoft.Network/virtualNetworks/subnets/write",
            "Microsoft.Network/virtualNetworks/subnets/delete"
          ]
        }
      ]
    },
    "deliveryWithResourceIdentity": {
      "identity": { "type": "SystemAssigned" },
      "destination": {
        "endpointType": "StorageQueue",
        "properties": {
          "resourceId": "$storage",
          "queueName": "resource-events",
          "queueMessageTimeToLiveInSeconds": 86400
        }
      }
    },
    "deadLetterWithResourceIdentity": {
      "identity": { "type": "SystemAssigned" },
      "deadLetterDestination": {
        "endpointType": "StorageBlob",
        "properties": {
          "resourceId": "$storage",
          "blobContainerName": "resource-events-dead-letters"
        }
      }
    },
    "retryPolicy": { "eventTimeToLiveInMinutes": 1440, "maxDeliveryAttempts": 30 }
  }
}
EOF
)

# Event Grid tries the identity at once, and a new role can take ten minutes to count.
url="$topic/eventSubscriptions/ase-route-sync?api-version=2025-02-15"
for attempt in {1..20}; do
  if az rest --method put --url "$url" --body "$body" --output none; then
    echo "· events of /subscriptions/$subscription go to the queue"
    exit 0
  fi
  echo "· not yet ($attempt of 20)" >&2
  sleep 30
done
exit 1
