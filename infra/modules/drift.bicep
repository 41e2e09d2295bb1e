// The resource group of a watched subscription for its system topic.
targetScope = 'subscription'

import { Tags } from '../types.bicep'

param name string
param location string
param tags Tags

// A group that somebody else has made keeps its tags and its location.
@onlyIfNotExists()
resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: name
  location: location
  tags: tags
}
