// Several watched subscriptions, the service tags from another one, and all rights.
using '../../../infra/main.bicep'

param environmentName = 'prod'
param location = 'westeurope'
param cloud = 'AzureCloud'
param serviceTagSubscriptionId = '10000000-0000-0000-0000-000000000002'
param watchedSubscriptionIds = '10000000-0000-0000-0000-000000000003, 10000000-0000-0000-0000-000000000004'
param allowProvisioning = true
