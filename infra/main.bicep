// ASE Route Sync in one subscription: `azd up`, or `az deployment sub create`.
targetScope = 'subscription'

@description('Name of the deployment; part of every resource name.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Azure region of the app. It may keep route tables of any region.')
param location string

@description('Resource group that everything is made in; rg-NAME where empty.')
param resourceGroupName string = ''

@description('Tags of every resource.')
param tags object = {}

@description('flex: Flex Consumption. premium: a Premium plan, where a cloud or region has no Flex Consumption, as in China.')
@allowed(['flex', 'premium'])
param hostingPlan string = 'flex'

@description('Size of the Premium plan, where there is one.')
param premiumSku string = 'P0v3'

@description('Redundancy of the storage account; not every region has zones.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param storageSku string = 'Standard_LRS'

@description('Where the Service Tag Discovery API is asked; this subscription where empty.')
param serviceTagSubscriptionId string = ''

@description('Locations that the Service Tag Discovery API is asked at, comma-separated; the app\'s own where empty.')
param serviceTagLocations string = ''

@description('Subscriptions whose route tables may be registered, comma-separated; this one where empty.')
param watchedSubscriptionIds string = ''

@description('Whether every run only plans: how one begins, and looks on first.')
param paused bool = false

@description('auto, additive (removals wait for approval) or approval (every change does).')
@allowed(['auto', 'additive', 'approval'])
param applyPolicy string = 'auto'

@description('NCRONTAB schedule (UTC) of the weekly run.')
param syncSchedule string = '0 0 6 * * 3'

@description('NCRONTAB schedule (UTC) of the daily check.')
param checkSchedule string = '0 20 5 * * *'

@description('Other app settings, by name, that are to have another value than their default.')
param appSettings object = {}

@description('Whether to make the custom roles and assign them. Where false, the outputs have what whoever may assign roles has to do.')
param assignRoles bool = true

@description('Whether the app may also make route tables for environments that have none.')
param allowProvisioning bool = false

@description('Client id of a registration in Entra with infra/entra/app-roles.json, where callers are to bring tokens of it; empty for keys alone.')
param authClientId string = ''

@description('Mail addresses that alerts go to, comma-separated.')
param alertEmails string = ''

@description('Action groups, by id, that alerts go to as well, comma-separated.')
param alertActionGroupIds string = ''

@description('A host key of the app, once it is deployed, for the alert rules that tell it of drift; empty for none.')
@secure()
param driftKey string = ''

@description('public, or private: storage and site are reached by private endpoints alone. Needs the two subnets.')
@allowed(['public', 'private'])
param networkProfile string = 'public'

@description('Subnet, by id, that the app reaches everything from; delegated to Microsoft.App/environments (flex) or Microsoft.Web/serverFarms (premium).')
param integrationSubnetId string = ''

@description('Subnet, by id, that gets the private endpoints.')
param privateEndpointSubnetId string = ''

@description('Resource group, by id, with the private DNS zones; empty where a policy or somebody else writes the records.')
param privateDnsZoneGroupId string = ''

var groupName = empty(resourceGroupName) ? 'rg-${environmentName}' : resourceGroupName
var tagSubscriptionId = empty(serviceTagSubscriptionId) ? subscription().subscriptionId : serviceTagSubscriptionId
var watchedIds = empty(watchedSubscriptionIds) ? [subscription().subscriptionId] : map(split(watchedSubscriptionIds, ','), id => trim(id))
var subscriptionIds = union([tagSubscriptionId], watchedIds)
var isPrivate = networkProfile == 'private'
var publicNetworkAccess = isPrivate ? 'Disabled' : 'Enabled'
var allTags = union(tags, { 'azd-env-name': environmentName })
// Azure Monitor's webhooks come from outside.
var driftIds = empty(driftKey) || isPrivate ? [] : watchedIds

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: groupName
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
    publicNetworkAccess: publicNetworkAccess
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
    hostingPlan: hostingPlan
    premiumSku: premiumSku
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageEndpoints: storage.outputs.endpoints
    deploymentContainer: storage.outputs.deploymentContainer
    applicationInsightsConnectionString: monitoring.outputs.connectionString
    integrationSubnetId: integrationSubnetId
    publicNetworkAccess: publicNetworkAccess
    authClientId: authClientId
    appSettings: union(
      {
        SYNC_SCHEDULE: syncSchedule
        CHECK_SCHEDULE: checkSchedule
        AZURE_CLOUD: environment().name
        ARM_ENDPOINT: ''
        ARM_API_VERSION_NETWORK: ''
        SERVICE_TAG: 'AppServiceManagement'
        SERVICE_TAG_SUBSCRIPTION_ID: tagSubscriptionId
        SERVICE_TAG_LOCATIONS: empty(serviceTagLocations) ? location : serviceTagLocations
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

module privateNetwork 'modules/private-network.bicep' = if (isPrivate) {
  name: 'private-network'
  scope: group
  params: {
    location: location
    tags: allTags
    // Without the other subnet the app would reach no storage: then this one is refused as empty.
    subnetId: empty(integrationSubnetId) ? '' : privateEndpointSubnetId
    dnsZoneGroupId: privateDnsZoneGroupId
    storageAccountId: storage.outputs.id
    siteId: app.outputs.id
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    name: 'ase-route-sync-${environmentName}'
    location: location
    tags: allTags
    applicationInsightsId: monitoring.outputs.applicationInsightsId
    emails: empty(alertEmails) ? [] : map(split(alertEmails, ','), email => trim(email))
    otherActionGroupIds: empty(alertActionGroupIds) ? [] : map(split(alertActionGroupIds, ','), id => trim(id))
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    name: 'ASE Route Sync (${environmentName})'
    location: location
    tags: allTags
    applicationInsightsId: monitoring.outputs.applicationInsightsId
  }
}

module drift 'modules/drift.bicep' = [
  for id in driftIds: {
    name: 'drift-${environmentName}'
    scope: subscription(id)
    params: {
      resourceGroupName: '${groupName}-drift'
      location: location
      tags: allTags
      appUrl: app.outputs.url
      hostKey: driftKey
    }
  }
]

output AZURE_RESOURCE_GROUP string = group.name
output APP_NAME string = app.outputs.name
output APP_URL string = app.outputs.url
output STORAGE_ACCOUNT string = storage.outputs.name
output SERVICE_TAG_SUBSCRIPTION string = tagSubscriptionId
output PRINCIPAL_ID string = identity.outputs.principalId

// Where somebody else has to assign roles: the definitions, and each assignment as role and scope.
var builtIn = loadJsonContent('roles/built-in.json')
var scopes = map(subscriptionIds, id => '/subscriptions/${id}')
var operatorRole = loadJsonContent('roles/operator.json')
var provisionerRole = loadJsonContent('roles/provisioner.json')
var networkRoles = allowProvisioning ? [operatorRole, provisionerRole] : [operatorRole]

output ROLES_TO_MAKE array = [
  for role in (assignRoles ? [] : networkRoles): union(role, { AssignableScopes: scopes })
]
output NETWORK_ROLES_TO_ASSIGN array = [
  for scope in (assignRoles ? [] : scopes): {
    roles: map(networkRoles, role => role.Name)
    scope: scope
  }
]
output STORAGE_ROLES_TO_ASSIGN array = [
  for role in (assignRoles ? [] : items(builtIn.storage)): {
    roles: [role.key]
    scope: storage.outputs.id
  }
]
output LOG_ROLES_TO_ASSIGN array = [
  for role in (assignRoles ? [] : items(builtIn.log)): {
    roles: [role.key]
    scope: monitoring.outputs.applicationInsightsId
  }
]
