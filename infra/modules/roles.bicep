// The custom roles, from the same JSON that `az role definition create` takes. Made once, for all
// watched subscriptions: the name of a role is taken in the whole tenant.
targetScope = 'subscription'

@description('Part of the roles\' names.')
param environmentName string

@description('Where the roles may be assigned.')
param subscriptionIds array

var definitions = [
  loadJsonContent('../roles/auditor.json')
  loadJsonContent('../roles/operator.json')
  loadJsonContent('../roles/provisioner.json')
]

resource roles 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [
  for definition in definitions: {
    name: guid(subscription().id, environmentName, definition.Name)
    properties: {
      roleName: '${definition.Name} (${environmentName})'
      description: definition.Description
      type: 'CustomRole'
      permissions: [
        {
          actions: definition.Actions
          notActions: definition.NotActions
          dataActions: definition.DataActions
          notDataActions: definition.NotDataActions
        }
      ]
      assignableScopes: [for id in subscriptionIds: '/subscriptions/${id}']
    }
  }
]

@description('Names, which are GUIDs, of the auditor\'s, the operator\'s and the provisioner\'s role.')
output auditor string = roles[0].name
output operator string = roles[1].name
output provisioner string = roles[2].name
