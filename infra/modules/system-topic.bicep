// The Event Grid system topic of a subscription, which has an event for each write in it.
import { Tags } from '../types.bicep'

param name string

@description('If false, somebody else has made the topic, and it stays as it is.')
param isOurs bool

param tags Tags

resource made 'Microsoft.EventGrid/systemTopics@2025-02-15' = if (isOurs) {
  name: name
  location: 'global'
  tags: tags
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    source: subscription().id
    topicType: 'Microsoft.Resources.Subscriptions'
  }
}

resource found 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = if (!isOurs) {
  name: name
}

output principalId string = isOurs
  ? made!.identity.principalId
  : empty(found.?identity.?principalId)
      ? fail('The system topic ${name} has no system-assigned identity. If it has no other identity, run: az eventgrid system-topic update --subscription ${subscription().subscriptionId} --resource-group ${resourceGroup().name} --name ${name} --identity systemassigned')
      : found!.identity.principalId
