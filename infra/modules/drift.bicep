// The drift alert of one subscription. The rule of modules/drift-alert.bicep needs a resource group.
targetScope = 'subscription'

import { Tags } from '../types.bicep'

param resourceGroupName string
param location string
param tags Tags
param appUrl string

@secure()
param hostKey string

@onlyIfNotExists()
resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: resourceGroupName
  location: location
  tags: tags
}

module rule 'drift-alert.bicep' = {
  scope: group
  params: {
    appUrl: appUrl
    hostKey: hostKey
    tags: tags
  }
}
