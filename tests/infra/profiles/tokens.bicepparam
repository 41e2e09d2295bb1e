// Callers can have a token, so they need one.
using '../../../infra/main.bicep'

param environmentName = 'prod'
param location = 'westeurope'
param cloud = 'AzureCloud'
param authClientId = '30000000-0000-0000-0000-000000000003'
