// Tells the app when somebody writes or deletes a route table in the subscription of the resource
// group. Deploy it to each subscription with registered route tables. The app ignores its own writes.
targetScope = 'resourceGroup'

import { Tags } from '../types.bicep'

@description('Name of the alert rule and of the action group.')
param name string = 'ase-route-sync-drift'

@description('URL of the app: https://NAME.azurewebsites.net.')
param appUrl string

@description('A host key of the app.')
@secure()
param hostKey string

@description('Tags of the alert rule and of the action group.')
param tags Tags = {}

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

resource drift 'Microsoft.Insights/activityLogAlerts@2026-01-01' = {
  name: name
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    description: 'Somebody wrote or deleted a route table. ASE Route Sync checks it and repairs its own routes.'
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
