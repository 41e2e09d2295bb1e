// A Logic App (Consumption) that starts a run of ASE Route Sync each week, waits for it, and ends as
// failed if the run failed. README.md of examples/ says what Azure needs besides.

@description('Name of the Logic App.')
param name string = 'ase-route-sync-weekly'

@description('Location of the Logic App.')
param location string = resourceGroup().location

@description('URL of the app, or of the gateway in front of it: https://NAME.azurewebsites.net.')
param url string

@description('Client id of the app registration of ASE Route Sync.')
param appId string

@description('A host key of the app, made for this caller.')
@secure()
param key string

resource workflow 'Microsoft.Logic/workflows@2019-05-01' = {
  name: name
  location: location
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    state: 'Enabled'
    definition: loadJsonContent('definition.json')
    parameters: {
      url: {
        value: url
      }
      audience: {
        value: 'api://${appId}'
      }
      key: {
        value: key
      }
    }
  }
}

@description('The identity to which the app role Operator is assigned.')
output principalId string = workflow.identity.principalId
