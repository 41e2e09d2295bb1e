// A private endpoint: one service of one resource gets an address in a subnet.
import { Tags } from '../types.bicep'

param name string
param location string
param tags Tags

@description('Id of the subnet for the address.')
param subnetId string

param serviceId string

@description('blob, queue, table or sites.')
param groupId string

@description('Id of the private DNS zone for the record. Leave it empty if a policy or somebody else writes the record.')
param dnsZoneId string

resource endpoint 'Microsoft.Network/privateEndpoints@2025-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: groupId
        properties: {
          privateLinkServiceId: serviceId
          groupIds: [
            groupId
          ]
        }
      }
    ]
  }

  resource record 'privateDnsZoneGroups' = if (!empty(dnsZoneId)) {
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: groupId
          properties: {
            privateDnsZoneId: dnsZoneId
          }
        }
      ]
    }
  }
}
