// A Premium plan, for a region without Flex Consumption.
using '../../../infra/main.bicep'

param environmentName = 'prod'
param location = 'westeurope'
param cloud = 'AzureCloud'
param hostingPlan = 'premium'
