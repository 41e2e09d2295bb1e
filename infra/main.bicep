// ASE Route Sync in one subscription: `azd up`, or `az deployment sub create`.
targetScope = 'subscription'

@description('Name of the deployment; part of every resource name.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Azure region of the app. It may keep route tables of any region.')
param location string

@description('Resource group that everything is made in.')
param resourceGroupName string = 'rg-${environmentName}'

@description('Where the Service Tag Discovery API is asked.')
param serviceTagSubscriptionId string = subscription().subscriptionId

@description('Locations that the Service Tag Discovery API is asked at, comma-separated.')
param serviceTagLocations string = location

@description('Subscriptions whose route tables may be registered.')
param watchedSubscriptionIds array = [
  subscription().subscriptionId
]

@description('Whether the app may also make route tables for environments that have none.')
param allowProvisioning bool = false

@description('Whether every run only plans: how one begins, and looks on first.')
param paused bool = false

@description('auto, additive (removals wait for approval) or approval (every change does).')
@allowed(['auto', 'additive', 'approval'])
param applyPolicy string = 'auto'

@description('Other app settings, by name, that are to have another value than their default.')
param appSettings object = {}

@description('NCRONTAB schedule (UTC) of the weekly run.')
param syncSchedule string = '0 0 6 * * 3'

@description('NCRONTAB schedule (UTC) of the daily check.')
param checkSchedule string = '0 20 5 * * *'

@description('Redundancy of the storage account; not every region has zones.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param storageSku string = 'Standard_LRS'

@description('Whether to make the custom roles and assign them. Where false, the outputs say what whoever may assign roles has to do.')
param assignRoles bool = true

@description('Tags of every resource.')
param tags object = {}

var subscriptionIds = union([serviceTagSubscriptionId], watchedSubscriptionIds)
var roleFiles = ['auditor', 'operator', 'provisioner']
var storageRoles = ['Storage Blob Data Owner', 'Storage Queue Data Contributor', 'Storage Table Data Contributor']
var logRoles = ['Monitoring Metrics Publisher']
var allTags = union(tags, { 'azd-env-name': environmentName })

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: resourceGroupName
  location: location
  tags: allTags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-${environmentName}'
    location: location
    tags: allTags
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    location: location
    skuName: storageSku
    tags: allTags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    name: environmentName
    location: location
    tags: allTags
  }
}

module roles 'modules/roles.bicep' = if (assignRoles) {
  name: 'roles-${environmentName}'
  params: {
    environmentName: environmentName
    subscriptionIds: subscriptionIds
  }
}

module watched 'modules/watched-subscription.bicep' = [
  for id in (assignRoles ? subscriptionIds : []): {
    name: 'watched-${environmentName}'
    scope: subscription(id)
    params: {
      principalId: identity.outputs.principalId
      roleNames: union([roles!.outputs.operator], allowProvisioning ? [roles!.outputs.provisioner] : [])
    }
  }
]

module access 'modules/access.bicep' = if (assignRoles) {
  name: 'access'
  scope: group
  params: {
    principalId: identity.outputs.principalId
    storageAccountName: storage.outputs.name
    applicationInsightsName: monitoring.outputs.applicationInsightsName
  }
}

module app 'modules/app.bicep' = {
  name: 'app'
  scope: group
  params: {
    name: 'func-${environmentName}-${uniqueString(subscription().id, environmentName)}'
    location: location
    tags: union(allTags, { 'azd-service-name': 'app' })
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageAccountName: storage.outputs.name
    deploymentContainer: storage.outputs.deploymentContainer
    applicationInsightsConnectionString: monitoring.outputs.connectionString
    appSettings: union(
      {
        SYNC_SCHEDULE: syncSchedule
        CHECK_SCHEDULE: checkSchedule
        AZURE_CLOUD: environment().name
        ARM_ENDPOINT: ''
        ARM_API_VERSION_NETWORK: ''
        SERVICE_TAG: 'AppServiceManagement'
        SERVICE_TAG_SUBSCRIPTION_ID: serviceTagSubscriptionId
        SERVICE_TAG_LOCATIONS: serviceTagLocations
        ALLOWED_SERVICE_TAGS: ''
        ROUTE_OWNER: 'asemgmt'
        APPLY_POLICY: applyPolicy
        PAUSED: paused ? 'true' : 'false'
        MAX_REMOVED_PERCENT: '10'
        REMOVAL_GRACE_DAYS: '28'
        MIN_PREFIX_LENGTH: '16'
        ROUTE_LIMIT: ''
        NOTIFY_WEBHOOK_URL: ''
        NOTIFY_FORMAT: 'json'
        MAX_SYNC_AGE_DAYS: '2'
        RUN_RETENTION_DAYS: '400'
      },
      appSettings
    )
  }
  dependsOn: [
    access
  ]
}

output AZURE_RESOURCE_GROUP string = group.name
output APP_NAME string = app.outputs.name
output APP_URL string = app.outputs.url
output PRINCIPAL_ID string = identity.outputs.principalId

// Where somebody else has to assign roles, these say which.
output ROLES_TO_MAKE array = [for name in (assignRoles ? [] : roleFiles): 'infra/roles/${name}.json']
output STORAGE_ROLES_TO_ASSIGN array = [for role in (assignRoles ? [] : storageRoles): '${role} at ${storage.outputs.id}']
output LOG_ROLES_TO_ASSIGN array = [for role in (assignRoles ? [] : logRoles): '${role} at ${monitoring.outputs.applicationInsightsId}']
output NETWORK_ROLES_TO_ASSIGN array = [for id in (assignRoles ? [] : subscriptionIds): 'ASE Route Sync Operator at /subscriptions/${id}']
