// The custom roles, from the same JSON that `az role definition create` takes. They are made once for
// all watched subscriptions.
targetScope = 'subscription'

param environmentName string

@description('The end of each role\'s name, which no other deployment in the tenant has.')
param nameSuffix string

@description('Subscriptions in which the roles may be assigned.')
param subscriptionIds string[]

var definitions = [
  loadJsonContent('../roles/auditor.json')
  loadJsonContent('../roles/operator.json')
  loadJsonContent('../roles/provisioner.json')
]

resource roles 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [
  for definition in definitions: {
    name: guid(subscription().id, environmentName, definition.Name)
    properties: {
      roleName: '${definition.Name} ${nameSuffix}'
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

@description('Names (GUIDs) of the roles for auditor, operator and provisioner.')
output auditor string = roles[0].name
output operator string = roles[1].name
output provisioner string = roles[2].name
