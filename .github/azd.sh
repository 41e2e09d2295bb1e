#!/usr/bin/env bash
# The Azure Developer CLI, signed in by the environment's federated credential, and set as the
# variables AZURE_* and PARAMETERS of the job say.
set -euo pipefail
azd auth login --client-id "$AZURE_CLIENT_ID" --tenant-id "$AZURE_TENANT_ID" \
  --federated-credential-provider github
azd env new "$AZURE_ENV_NAME" --subscription "$AZURE_SUBSCRIPTION_ID" \
  --location "$AZURE_LOCATION" --no-prompt
while IFS= read -r line; do
  [ -z "$line" ] || azd env set "${line%%=*}" "${line#*=}"
done <<< "$PARAMETERS"
