// Azure operated by 21Vianet, with private endpoints.
using '../../../infra/main.bicep'

param environmentName = 'prod'
param location = 'chinanorth3'
param cloud = 'AzureChinaCloud'
param networkProfile = 'private'
param integrationSubnetId = '/subscriptions/10000000-0000-0000-0000-000000000001/resourceGroups/rg-network/providers/Microsoft.Network/virtualNetworks/vnet-hub/subnets/snet-functions'
param privateEndpointSubnetId = '/subscriptions/10000000-0000-0000-0000-000000000001/resourceGroups/rg-network/providers/Microsoft.Network/virtualNetworks/vnet-hub/subnets/snet-endpoints'
param privateDnsZoneGroupId = '/subscriptions/10000000-0000-0000-0000-000000000001/resourceGroups/rg-dns'
