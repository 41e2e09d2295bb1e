// The `private` profile. Other clients reach the app and its storage only from the virtual network of
// this subnet and from networks peered with it.
param location string
param tags object

@description('Id of the subnet for the private endpoints.')
@minLength(1)
param subnetId string

@description('Id of the resource group with the private DNS zones. Leave it empty if somebody else writes the records.')
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
