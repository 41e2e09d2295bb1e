// The drift alert of one subscription. It is a profile of its own, because main.bicep makes it only if
// it has a key, and a snapshot knows no secret.
using '../../../infra/modules/drift.bicep'

param resourceGroupName = 'rg-prod-drift'
param location = 'westeurope'
param tags = { 'azd-env-name': 'prod' }
param appUrl = 'https://func-prod.azurewebsites.net'
param hostKey = 'a host key'
