// Notices go to a webhook, and its URL is a secret of a Key Vault.
using '../../../infra/main.bicep'

param environmentName = 'prod'
param location = 'westeurope'
param cloud = 'AzureCloud'
param webhookSecretId = '/subscriptions/10000000-0000-0000-0000-000000000005/resourceGroups/rg-ops/providers/Microsoft.KeyVault/vaults/kv-net/secrets/notices'
