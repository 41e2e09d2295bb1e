// The `private` profile. Other clients reach the app and its storage only from the virtual network of
// this subnet and from networks peered with it.
import { Tags } from '../types.bicep'

param cloud string
param location string
param tags Tags

@description('Id of the subnet for the private endpoints.')
param subnetId string

@description('Id of the resource group with the private DNS zones. Leave it empty if somebody else writes the records.')
param dnsZoneGroupId string

param storageAccountId string
param siteId string

// Source: "Azure Private Endpoint private DNS zone values".
var zones = loadJsonContent('../private-dns-zones.json')[cloud]
var serviceIds = {
  blob: storageAccountId
  queue: storageAccountId
  table: storageAccountId
  sites: siteId
}

module endpoints 'private-endpoint.bicep' = [
  for service in items(serviceIds): {
    params: {
      name: 'pe-${last(split(service.value, '/'))}-${service.key}'
      location: location
      tags: tags
      subnetId: subnetId
      serviceId: service.value
      groupId: service.key
      dnsZoneId: empty(dnsZoneGroupId)
        ? ''
        : '${dnsZoneGroupId}/providers/Microsoft.Network/privateDnsZones/${zones[service.key]}'
    }
  }
]
