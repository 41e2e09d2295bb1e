// Private endpoints only, and no trusted service gets into the storage account.
using '../../../infra/main.bicep'

param environmentName = 'prod'
param location = 'westeurope'
param cloud = 'AzureCloud'
param resourceEvents = false
param networkProfile = 'private'
param integrationSubnetId = '/subscriptions/10000000-0000-0000-0000-000000000001/resourceGroups/rg-network/providers/Microsoft.Network/virtualNetworks/vnet-hub/subnets/snet-functions'
param privateEndpointSubnetId = '/subscriptions/10000000-0000-0000-0000-000000000001/resourceGroups/rg-network/providers/Microsoft.Network/virtualNetworks/vnet-hub/subnets/snet-endpoints'
param privateDnsZoneGroupId = '/subscriptions/10000000-0000-0000-0000-000000000001/resourceGroups/rg-dns'
