// Gives the app its roles for the route tables of one subscription.
targetScope = 'subscription'

@description('Principal id of the app\'s identity.')
param principalId string

@description('Names (GUIDs) of the role definitions to assign.')
param roleNames string[]

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in roleNames: {
    name: guid(subscription().id, principalId, role)
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
    }
  }
]
