// The rights of a system topic's identity on the app's storage: on one queue and on one container.
import { deadLetterContainer, eventQueue } from '../functions.bicep'

param principalId string
param storageAccountName string

// Source: "Azure built-in roles".
var roles = loadJsonContent('../roles/built-in.json')

resource account 'Microsoft.Storage/storageAccounts@2025-08-01' existing = {
  name: storageAccountName

  resource queues 'queueServices' existing = {
    name: 'default'

    resource events 'queues' existing = {
      name: eventQueue
    }
  }

  resource blobs 'blobServices' existing = {
    name: 'default'

    resource deadLetters 'containers' existing = {
      name: deadLetterContainer
    }
  }
}

resource ofQueue 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in items(roles.queue): {
    name: guid(account::queues::events.id, principalId, role.value)
    scope: account::queues::events
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role.value)
    }
  }
]

resource ofDeadLetters 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in items(roles.deadLetters): {
    name: guid(account::blobs::deadLetters.id, principalId, role.value)
    scope: account::blobs::deadLetters
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role.value)
    }
  }
]
