// Azure US Government.
using '../../../infra/main.bicep'

param environmentName = 'prod'
param location = 'usgovvirginia'
param cloud = 'AzureUSGovernment'
