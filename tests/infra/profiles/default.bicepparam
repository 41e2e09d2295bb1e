// What `azd up` deploys if nobody sets anything.
using '../../../infra/main.bicep'

param environmentName = 'prod'
param location = 'westeurope'
param cloud = 'AzureCloud'
