// The rights of the app's identity in its own resource group: on its storage and its log.
param principalId string
param storageAccountName string
param applicationInsightsName string

// Source: "Azure built-in roles".
var roles = loadJsonContent('../roles/built-in.json')

resource account 'Microsoft.Storage/storageAccounts@2025-08-01' existing = {
  name: storageAccountName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

resource ofStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in items(roles.storage): {
    name: guid(account.id, principalId, role.value)
    scope: account
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role.value)
    }
  }
]

resource ofLog 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in items(roles.log): {
    name: guid(insights.id, principalId, role.value)
    scope: insights
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role.value)
    }
  }
]
