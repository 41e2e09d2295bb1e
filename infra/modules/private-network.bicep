// The `private` profile: whatever else has to reach the app or its storage does so from this subnet's
// virtual network, and from what is peered with it.
param location string
param tags object

@description('Subnet that gets the private endpoints.')
@minLength(1)
param subnetId string

@description('Resource group that the private DNS zones are in; empty where somebody else writes the records.')
param dnsZoneGroupId string

param storageAccountId string
param siteId string

// Source: "Azure Private Endpoint private DNS zone values".
var siteZones = {
  AzureCloud: 'privatelink.azurewebsites.net'
  AzureUSGovernment: 'privatelink.azurewebsites.us'
  AzureChinaCloud: 'privatelink.chinacloudsites.cn'
}
var services = [
  {
    groupId: 'blob'
    serviceId: storageAccountId
    zone: 'privatelink.blob.${environment().suffixes.storage}'
  }
  {
    groupId: 'queue'
    serviceId: storageAccountId
    zone: 'privatelink.queue.${environment().suffixes.storage}'
  }
  {
    groupId: 'table'
    serviceId: storageAccountId
    zone: 'privatelink.table.${environment().suffixes.storage}'
  }
  {
    groupId: 'sites'
    serviceId: siteId
    zone: siteZones[environment().name]
  }
]

module endpoints 'private-endpoint.bicep' = [
  for service in services: {
    name: 'private-endpoint-${service.groupId}'
    params: {
      name: 'pe-${last(split(service.serviceId, '/'))}-${service.groupId}'
      location: location
      tags: tags
      subnetId: subnetId
      serviceId: service.serviceId
      groupId: service.groupId
      dnsZoneId: empty(dnsZoneGroupId) ? '' : '${dnsZoneGroupId}/providers/Microsoft.Network/privateDnsZones/${service.zone}'
    }
  }
]
