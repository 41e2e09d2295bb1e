// One of two watched subscriptions has a system topic already.
using '../../../infra/main.bicep'

param environmentName = 'prod'
param location = 'westeurope'
param cloud = 'AzureCloud'
param watchedSubscriptionIds = '10000000-0000-0000-0000-000000000003, 10000000-0000-0000-0000-000000000004'
param systemTopicIds = '/subscriptions/10000000-0000-0000-0000-000000000004/resourceGroups/rg-events/providers/Microsoft.EventGrid/systemTopics/landing-zone'
