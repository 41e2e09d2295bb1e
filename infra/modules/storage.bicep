// The storage account for the host, the queues and the app's tables. Its keys are switched off.
import { deadLetterContainer, eventQueue } from '../functions.bicep'
import { StorageEndpoints, Tags } from '../types.bicep'

param name string
param location string
param tags Tags
param skuName string

@allowed(['Enabled', 'Disabled'])
param publicNetworkAccess string

@description('What a caller from another network gets. Trusted services of Azure are let in if there is public network access.')
@allowed(['Allow', 'Deny'])
param defaultAction string

@description('Id of the workspace that gets the log.')
param workspaceId string

var queueNames = [
  'route-table-runs'
  'route-table-runs-poison'
  'route-table-sync'
  'route-table-sync-poison'
  eventQueue
  '${eventQueue}-poison'
]
var tableNames = [
  'ServiceTagVersions'
  'RouteTables'
  'SyncRuns'
  'SyncOutcomes'
]
var deploymentContainer = 'deployments'
// The host reads the queues all the time, and the records of that would fill the log.
var changes = [
  for category in ['StorageWrite', 'StorageDelete']: {
    category: category
    enabled: true
  }
]
var restorable = {
  enabled: true
  days: 7
}

resource account 'Microsoft.Storage/storageAccounts@2025-08-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: skuName
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: publicNetworkAccess
    supportsHttpsTrafficOnly: true
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: defaultAction
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-08-01' = {
  parent: account
  name: 'default'
  properties: {
    containerDeleteRetentionPolicy: restorable
    deleteRetentionPolicy: restorable
  }
}

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-08-01' = [
  for container in [deploymentContainer, deadLetterContainer]: {
    parent: blobs
    name: container
    properties: {
      publicAccess: 'None'
    }
  }
]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2025-08-01' = {
  parent: account
  name: 'default'
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-08-01' = [
  for queue in queueNames: {
    parent: queueService
    name: queue
  }
]

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2025-08-01' = {
  parent: account
  name: 'default'
}

resource tables 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-08-01' = [
  for table in tableNames: {
    parent: tableService
    name: table
  }
]

#disable-next-line use-recent-api-versions // the only one that is no preview is of 2016
resource blobLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: blobs
  name: 'blob-log'
  properties: {
    workspaceId: workspaceId
    logs: changes
  }
}

#disable-next-line use-recent-api-versions // the only one that is no preview is of 2016
resource queueLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: queueService
  name: 'queue-log'
  properties: {
    workspaceId: workspaceId
    logs: changes
  }
}

#disable-next-line use-recent-api-versions // the only one that is no preview is of 2016
resource tableLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: tableService
  name: 'table-log'
  properties: {
    workspaceId: workspaceId
    logs: changes
  }
}

output id string = account.id
output name string = account.name
output endpoints StorageEndpoints = {
  blob: account.properties.primaryEndpoints.blob
  queue: account.properties.primaryEndpoints.queue
  table: account.properties.primaryEndpoints.table
}
output deploymentContainer string = '${account.properties.primaryEndpoints.blob}${deploymentContainer}'
