// Somebody else makes and assigns the roles.
using '../../../infra/main.bicep'

param environmentName = 'prod'
param location = 'westeurope'
param cloud = 'AzureCloud'
param assignRoles = false
param allowProvisioning = true
