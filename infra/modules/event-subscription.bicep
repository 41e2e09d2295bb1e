// Which events of a system topic go to the app's queue. The topic's identity needs its roles before:
// Event Grid tries it when it makes the event subscription.
import { deadLetterContainer, eventQueue } from '../functions.bicep'

param name string
param topicName string
param storageAccountId string

var identity = {
  type: 'SystemAssigned'
}
var resourceTypes = [
  'Microsoft.Network/routeTables'
  'Microsoft.Network/routeTables/routes'
  'Microsoft.Network/virtualNetworks/subnets'
]

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

resource events 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: name
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    filter: {
      includedEventTypes: [
        'Microsoft.Resources.ResourceWriteSuccess'
        'Microsoft.Resources.ResourceDeleteSuccess'
      ]
      // Event Grid compares without regard to case, and takes 25 values.
      advancedFilters: [
        {
          operatorType: 'StringIn'
          key: 'data.operationName'
          values: flatten(map(resourceTypes, type => ['${type}/write', '${type}/delete']))
        }
      ]
    }
    deliveryWithResourceIdentity: {
      identity: identity
      destination: {
        endpointType: 'StorageQueue'
        properties: {
          resourceId: storageAccountId
          queueName: eventQueue
          // After a day, the daily check has looked at each table.
          queueMessageTimeToLiveInSeconds: 86400
        }
      }
    }
    deadLetterWithResourceIdentity: {
      identity: identity
      deadLetterDestination: {
        endpointType: 'StorageBlob'
        properties: {
          resourceId: storageAccountId
          blobContainerName: deadLetterContainer
        }
      }
    }
    // Both are the most that Event Grid allows. A late event does no harm, since the live table decides.
    retryPolicy: {
      eventTimeToLiveInMinutes: 1440
      maxDeliveryAttempts: 30
    }
  }
}
