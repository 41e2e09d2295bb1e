// Alerts go to people and to an action group of theirs.
using '../../../infra/main.bicep'

param environmentName = 'prod'
param location = 'westeurope'
param cloud = 'AzureCloud'
param alertEmails = 'net@example.com, ops@example.com,'
param alertActionGroupIds = '/subscriptions/10000000-0000-0000-0000-000000000001/resourceGroups/rg-ops/providers/Microsoft.Insights/actionGroups/on-call,'
