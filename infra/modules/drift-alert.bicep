// Tells the app of every write to a route table, or deletion of one, in the subscription of the
// resource group: deploy it to each subscription that holds registered route tables. The app ignores
// what it wrote itself.
targetScope = 'resourceGroup'

@description('Name of the alert rule and of the action group.')
param name string = 'ase-route-sync-drift'

@description('The app, https://NAME.azurewebsites.net.')
param appUrl string

@description('A host key of the app.')
@secure()
param hostKey string

@description('Tags of the alert rule and of the action group.')
param tags object = {}

resource callers 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: name
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'routedrift'
    webhookReceivers: [
      {
        name: 'ase-route-sync'
        serviceUri: '${appUrl}/api/alerts?code=${hostKey}'
        useCommonAlertSchema: true
      }
    ]
  }
}

resource drift 'Microsoft.Insights/activityLogAlerts@2020-10-01' = {
  name: name
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    description: 'A route table was written or deleted: ASE Route Sync looks at it, and repairs its own routes.'
    scopes: [
      subscription().id
    ]
    condition: {
      allOf: [
        {
          field: 'category'
          equals: 'Administrative'
        }
        {
          field: 'status'
          equals: 'Succeeded'
        }
        {
          anyOf: [
            {
              field: 'operationName'
              equals: 'Microsoft.Network/routeTables/write'
            }
            {
              field: 'operationName'
              equals: 'Microsoft.Network/routeTables/delete'
            }
            {
              field: 'operationName'
              equals: 'Microsoft.Network/routeTables/routes/write'
            }
            {
              field: 'operationName'
              equals: 'Microsoft.Network/routeTables/routes/delete'
            }
          ]
        }
      ]
    }
    actions: {
      actionGroups: [
        {
          actionGroupId: callers.id
        }
      ]
    }
  }
}

output alertRuleId string = drift.id
