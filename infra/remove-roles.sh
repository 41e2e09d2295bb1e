#!/usr/bin/env bash
# Takes the custom roles of one deployment from these subscriptions. Azure refuses to change or delete a
# role in a subscription in which it is still assigned. With --roles-too the roles are deleted as well.
# It also deletes the event subscription of the deployment. The system topic may be somebody else's.
# It needs the Azure CLI, signed in as a person who may assign roles there.
set -euo pipefail
roles_too=
if [ "${1-}" = --roles-too ]; then
  roles_too=yes
  shift
fi
if [ $# -lt 3 ]; then
  echo "usage: $0 [--roles-too] ENVIRONMENT SUBSCRIPTION_OF_THE_APP SUBSCRIPTION..." >&2
  exit 2
fi
environment=$1 app=$2
shift 2

# infra/main.bicep has the same name.
name=$(tr '_.()' '----' <<< "$environment" | tr -s - | sed 's/^-//; s/-$//')
event_subscription=ase-route-sync-$name-${app:0:8}

role_ids() { # of this subscription
  for role in Auditor Operator Provisioner; do
    az role definition list --subscription "$1" \
      --name "ASE Route Sync $role ($environment, ${app:0:8})" --query '[].name' --output tsv
  done
}

for subscription in "$@"; do
  for topic in $(az eventgrid system-topic list --subscription "$subscription" \
    --query "[?source=='/subscriptions/$subscription'].id" --output tsv); do
    for id in $(az eventgrid system-topic event-subscription list --subscription "$subscription" \
      --resource-group "$(cut -d / -f 5 <<< "$topic")" --system-topic-name "${topic##*/}" \
      --query "[?name=='$event_subscription'].id" --output tsv); do
      echo "· $id"
      az resource delete --subscription "$subscription" --ids "$id"
    done
  done
done

for subscription in "$@"; do
  for role in $(role_ids "$subscription"); do
    # This also finds the assignments of an identity that is gone.
    for assignment in $(az role assignment list --subscription "$subscription" --all \
      --role "$role" --query '[].id' --output tsv); do
      echo "· $assignment"
      az role assignment delete --subscription "$subscription" --ids "$assignment"
    done
  done
done

[ -n "$roles_too" ] || exit 0
for subscription in "$@"; do
  for role in $(role_ids "$subscription"); do
    echo "· role $role"
    az role definition delete --subscription "$subscription" --name "$role"
  done
done
