// ASE Route Sync in one subscription: `azd up`, or `az deployment sub create`.
targetScope = 'subscription'

import {
  deadLetterContainer
  eventQueue
  gatewayOf
  listed
  planOf
  secretPartsOf
  storageSkuOf
  subscriptionIdOf
  systemTopicsOf
} from 'functions.bicep'
import { AppSettings, RoleDefinition, RolesToAssign, Tags, TopicRolesToAssign } from 'types.bicep'

@description('Name of the deployment. It is part of every resource name.')
@minLength(1)
@maxLength(36)
param environmentName string

@description('Azure region of the app. It may keep route tables of any region.')
@metadata({ azd: { type: 'location' } })
param location string

@description('Name of the Azure cloud. It follows the deployment.')
param cloud string = environment().name

@description('Resource group for all resources. If empty, rg-NAME.')
param resourceGroupName string = ''

@description('Tags for every resource.')
param tags Tags = {}

@description('flex: Flex Consumption. premium: a Premium plan, for clouds and regions without Flex Consumption. If empty, flex in the public cloud and premium in the others.')
@allowed(['', 'flex', 'premium'])
param hostingPlan string = ''

@description('Size of the Premium plan, if there is one.')
param premiumSku string = 'P0v3'

@description('The most instances of Flex Consumption at a time. Not every region takes fewer than 40.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Redundancy of the storage account. If empty, Standard_ZRS in a region with zones and Standard_LRS in the others.')
@allowed(['', 'Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param storageSku string = ''

@description('Subscription in which the app calls the Service Tag Discovery API. If empty, this one.')
param serviceTagSubscriptionId string = ''

@description('Locations for which the app calls the Service Tag Discovery API, comma-separated. If empty, the app\'s own location.')
param serviceTagLocations string = ''

@description('Subscriptions whose route tables may be registered, comma-separated. If empty, this one.')
param watchedSubscriptionIds string = ''

@description('Service tag of a registration that names none.')
param serviceTag string = 'AppServiceManagement'

@description('Prefix lists of your own: a JSON text, or the URL of a blob in the app\'s own storage account.')
param customLists string = ''

@description('Service tags, lists and services that may be registered, comma-separated. If empty, serviceTag alone.')
param allowedServiceTags string = ''

@description('URL of the weekly file of service tags, or of the page that links it, as a second source.')
param publishedTagsUrl string = ''

@description('Owner in the names of our routes: small letters and digits. Apps that may write the same route tables need different ones.')
@minLength(1)
@maxLength(20)
param routeOwner string = 'asemgmt'

@description('If true, every run only plans. Begin with true, and look at the plans first.')
param paused bool = false

@description('auto, additive (removals wait for approval) or approval (every change waits).')
@allowed(['auto', 'additive', 'approval'])
param applyPolicy string = 'auto'

@description('Schedule (UTC) of the weekly run: six NCRONTAB fields with single blanks between them, ascending ranges only, Sunday is 0.')
param syncSchedule string = '0 0 6 * * 3'

@description('Schedule (UTC) of the daily check, in the same form.')
param checkSchedule string = '0 20 5 * * *'

@description('Further app settings, by name, that need another value than their default.')
param appSettings AppSettings = {}

@description('If true, the custom roles are made and assigned. If false, the outputs list the roles for a person who may assign them.')
param assignRoles bool = true

@description('If true, the app may also make route tables for environments that have none.')
param allowProvisioning bool = false

@description('Client id of an Entra app registration with infra/entra/app-roles.json. Callers then use its tokens, and people sign in with it. If empty, callers use keys only.')
param authClientId string = ''

@description('If true, a caller without a token is refused, and people sign in to the dashboard. It needs authClientId.')
param requireTokens bool = !empty(authClientId)

@description('Mail addresses that receive alerts, comma-separated.')
param alertEmails string = ''

@description('Ids of further action groups that receive alerts, comma-separated.')
param alertActionGroupIds string = ''

@description('Id of the Key Vault secret with the URL of the webhook for notices. If empty, there are no notices.')
#disable-next-line secure-secrets-in-params // the id is not secret
param webhookSecretId string = ''

@description('Form of the notices: json, teams (an Adaptive Card) or slack.')
@allowed(['json', 'teams', 'slack'])
param notifyFormat string = 'json'

@description('If true, Event Grid tells the app of each write to a route table in a watched subscription. With the private profile, the storage account then lets in the trusted services of Azure.')
param resourceEvents bool = true

@description('Ids of the Event Grid system topics that watched subscriptions have already, comma-separated. azd finds them.')
param systemTopicIds string = ''

@description('If false, events are not delivered yet, because the identities of the system topics have no roles.')
param topicRolesAssigned bool = assignRoles

@description('public, or private. With private, storage and site are reached only through private endpoints, and the two subnets are needed.')
@allowed(['public', 'private'])
param networkProfile string = 'public'

@description('Id of the subnet for the app\'s outgoing traffic, delegated to Microsoft.App/environments (flex) or Microsoft.Web/serverFarms (premium).')
param integrationSubnetId string = ''

@description('Id of the subnet for the private endpoints.')
param privateEndpointSubnetId string = ''

@description('Id of the resource group with the private DNS zones. Leave it empty if a policy or somebody else writes the records.')
param privateDnsZoneGroupId string = ''

// azd allows `_.()` in the name of an environment. Sites and workspaces allow only letters, digits and
// hyphens, with no hyphen at the end.
var words = filter(split(environmentName, ['_', '.', '(', ')', '-']), word => !empty(word))
var name = empty(words) ? uniqueString(environmentName) : join(words, '-')
var groupName = empty(resourceGroupName) ? 'rg-${name}' : resourceGroupName
// These names are known before anything is deployed, so that a preview can show what gets them.
var storageAccountName = 'st${uniqueString(group.id, environmentName)}'
var applicationInsightsName = 'appi-${name}'
// A subscription remembers the location of a deployment by its name, and refuses another location.
#disable-next-line no-loc-expr-outside-params
var deploymentName = '${environmentName}-${deployment().location}'
// No two custom roles of a tenant have the same name.
var roleSuffix = '(${environmentName}, ${take(subscription().subscriptionId, 8)})'
var allTags = union(tags, { 'azd-env-name': environmentName })

var tagSubscriptionId = empty(trim(serviceTagSubscriptionId))
  ? subscription().subscriptionId
  : subscriptionIdOf(trim(serviceTagSubscriptionId))
var givenIds = map(listed(watchedSubscriptionIds), id => subscriptionIdOf(id))
// A union with itself has each id once.
var watchedIds = empty(givenIds) ? [subscription().subscriptionId] : union(givenIds, givenIds)
var subscriptionIds = union([tagSubscriptionId], watchedIds)

var secrets = map(empty(webhookSecretId) ? [] : [secretPartsOf(webhookSecretId)], parts => {
  subscription: parts[2]
  group: parts[4]
  vault: parts[8]
  name: parts[10]
})

var plan = planOf(hostingPlan, cloud, location)
// In other clouds, Application Insights takes no telemetry of an app that signs in.
var signInToLog = cloud == 'AzureCloud'

var isPrivate = networkProfile == 'private'
var publicNetworkAccess = isPrivate ? 'Disabled' : 'Enabled'
// Event Grid is a trusted service. Without public network access, Azure may not let even those in.
var storageNetworkAccess = resourceEvents ? 'Enabled' : publicNetworkAccess
// Without the integration subnet the app could not reach its storage.
var endpointSubnetId = isPrivate && (empty(integrationSubnetId) || empty(privateEndpointSubnetId))
  ? fail('With networkProfile private, integrationSubnetId and privateEndpointSubnetId are needed.')
  : privateEndpointSubnetId

var topics = resourceEvents ? systemTopicsOf(systemTopicIds, watchedIds, '${groupName}-drift', 'egst-${name}') : []
// Two apps can have event subscriptions on one topic.
var eventSubscriptionName = 'ase-route-sync-${name}-${take(subscription().subscriptionId, 8)}'

// People reach the dashboard where notices and other links lead.
var gateway = gatewayOf(appSettings.?PUBLIC_URL ?? '')
var dashboardUrl = '${empty(gateway) ? app.outputs.url : gateway}/api/dashboard'

// A group that somebody else has made keeps its tags and its location.
@onlyIfNotExists()
resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: groupName
  location: location
  tags: allTags
}

module identity 'modules/identity.bicep' = {
  scope: group
  params: {
    name: 'id-${name}'
    location: location
    tags: allTags
  }
}

module storage 'modules/storage.bicep' = {
  scope: group
  params: {
    name: storageAccountName
    location: location
    skuName: storageSkuOf(storageSku, location)
    publicNetworkAccess: storageNetworkAccess
    defaultAction: isPrivate ? 'Deny' : 'Allow'
    workspaceId: monitoring.outputs.workspaceId
    tags: allTags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  params: {
    workspaceName: 'log-${name}'
    applicationInsightsName: applicationInsightsName
    disableLocalAuth: signInToLog
    location: location
    tags: allTags
  }
}

module roles 'modules/roles.bicep' = if (assignRoles) {
  #disable-next-line no-module-name
  name: 'roles-${deploymentName}'
  params: {
    environmentName: environmentName
    nameSuffix: roleSuffix
    subscriptionIds: subscriptionIds
  }
}

module watched 'modules/watched-subscription.bicep' = [
  for id in (assignRoles ? subscriptionIds : []): {
    #disable-next-line no-module-name
    name: 'watched-${deploymentName}'
    scope: subscription(id)
    params: {
      #disable-next-line what-if-short-circuiting // a new identity needs assignments of its own
      principalId: identity.outputs.principalId
      roleNames: union([roles!.outputs.operator], allowProvisioning ? [roles!.outputs.provisioner] : [])
    }
  }
]

module access 'modules/access.bicep' = if (assignRoles) {
  scope: group
  params: {
    #disable-next-line what-if-short-circuiting // a new identity needs assignments of its own
    principalId: identity.outputs.principalId
    storageAccountName: storageAccountName
    applicationInsightsName: applicationInsightsName
  }
  dependsOn: [
    storage
    monitoring
  ]
}

module webhookSecrets 'modules/secret.bicep' = [
  for secret in (assignRoles ? secrets : []): {
    scope: resourceGroup(secret.subscription, secret.group)
    params: {
      #disable-next-line what-if-short-circuiting // a new identity needs assignments of its own
      principalId: identity.outputs.principalId
      vaultName: secret.vault
      secretName: secret.name
    }
  }
]

module app 'modules/app.bicep' = {
  scope: group
  params: {
    name: 'func-${name}-${uniqueString(subscription().id, environmentName)}'
    location: location
    tags: union(allTags, { 'azd-service-name': 'app' })
    hostingPlan: plan
    premiumSku: premiumSku
    maximumInstanceCount: maximumInstanceCount
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageEndpoints: storage.outputs.endpoints
    deploymentContainer: storage.outputs.deploymentContainer
    applicationInsightsConnectionString: monitoring.outputs.connectionString
    workspaceId: monitoring.outputs.workspaceId
    signInToLog: signInToLog
    integrationSubnetId: integrationSubnetId
    publicNetworkAccess: publicNetworkAccess
    authClientId: authClientId
    loginHost: loadJsonContent('login-hosts.json')[cloud]
    isBehindGateway: !empty(gateway)
    appSettings: union(
      {
        SYNC_SCHEDULE: syncSchedule
        CHECK_SCHEDULE: checkSchedule
        AZURE_CLOUD: cloud
        ARM_ENDPOINT: ''
        ARM_API_VERSION_NETWORK: ''
        ARM_API_VERSION_WEB: ''
        SERVICE_TAG: serviceTag
        SERVICE_TAG_SUBSCRIPTION_ID: tagSubscriptionId
        SERVICE_TAG_LOCATIONS: empty(serviceTagLocations) ? location : serviceTagLocations
        PUBLISHED_TAGS_URL: publishedTagsUrl
        CUSTOM_LISTS: customLists
        ALLOWED_SERVICE_TAGS: allowedServiceTags
        DISCOVER_BY_TAG: 'false'
        ROUTE_OWNER: routeOwner
        APPLY_POLICY: applyPolicy
        PAUSED: paused ? 'true' : 'false'
        MAX_REMOVED_PERCENT: '10'
        REMOVAL_GRACE_DAYS: '28'
        MIN_PREFIX_LENGTH: '16'
        ROUTE_LIMIT: ''
        NOTIFY_WEBHOOK_URL: join(
          map(secrets, one => '@Microsoft.KeyVault(VaultName=${one.vault};SecretName=${one.name})'),
          ''
        )
        NOTIFY_FORMAT: notifyFormat
        PUBLIC_URL: ''
        MAX_SYNC_AGE_DAYS: '2'
        RUN_RETENTION_DAYS: '400'
        REQUIRE_TOKENS: requireTokens ? 'true' : 'false'
      },
      appSettings
    )
  }
  dependsOn: [
    access
    webhookSecrets
  ]
}

module drift 'modules/drift.bicep' = [
  for topic in filter(topics, one => one.isOurs): {
    #disable-next-line no-module-name
    name: 'drift-${deploymentName}'
    scope: subscription(topic.subscription)
    params: {
      name: topic.group
      location: location
      tags: allTags
    }
  }
]

module systemTopics 'modules/system-topic.bicep' = [
  for topic in topics: {
    scope: resourceGroup(topic.subscription, topic.group)
    params: {
      name: topic.name
      isOurs: topic.isOurs
      tags: allTags
    }
    dependsOn: [
      drift
    ]
  }
]

module topicRoles 'modules/topic-roles.bicep' = [
  for (topic, place) in (assignRoles ? topics : []): {
    scope: group
    params: {
      #disable-next-line what-if-short-circuiting // a new identity needs assignments of its own
      principalId: systemTopics[place].outputs.principalId
      storageAccountName: storageAccountName
    }
    dependsOn: [
      storage
    ]
  }
]

// A role counts only some minutes after its assignment, so the event subscriptions are made last.
module eventSubscriptions 'modules/event-subscription.bicep' = [
  for topic in (topicRolesAssigned ? topics : []): {
    scope: resourceGroup(topic.subscription, topic.group)
    params: {
      name: eventSubscriptionName
      topicName: topic.name
      storageAccountId: storage.outputs.id
    }
    dependsOn: [
      systemTopics
      topicRoles
      app
    ]
  }
]

module privateNetwork 'modules/private-network.bicep' = if (isPrivate) {
  scope: group
  params: {
    cloud: cloud
    location: location
    tags: allTags
    subnetId: endpointSubnetId
    dnsZoneGroupId: privateDnsZoneGroupId
    storageAccountId: storage.outputs.id
    siteId: app.outputs.id
  }
}

module alerts 'modules/alerts.bicep' = {
  scope: group
  params: {
    name: 'ase-route-sync-${name}'
    location: location
    tags: allTags
    applicationInsightsId: monitoring.outputs.applicationInsightsId
    logCreatedAt: monitoring.outputs.createdAt
    emails: listed(alertEmails)
    otherActionGroupIds: listed(alertActionGroupIds)
  }
}

module workbook 'modules/workbook.bicep' = {
  scope: group
  params: {
    name: 'ASE Route Sync (${environmentName})'
    location: location
    tags: allTags
    applicationInsightsId: monitoring.outputs.applicationInsightsId
    dashboardUrl: dashboardUrl
  }
}

output AZURE_LOCATION string = location
output AZURE_TENANT_ID string = tenant().tenantId
output AZURE_RESOURCE_GROUP string = group.name
output APP_NAME string = app.outputs.name
output APP_URL string = app.outputs.url
output DASHBOARD_URL string = dashboardUrl
output STORAGE_ACCOUNT string = storage.outputs.name
output SERVICE_TAG_SUBSCRIPTION string = tagSubscriptionId
output PRINCIPAL_ID string = identity.outputs.principalId

// If somebody else must assign the roles, the outputs list the definitions and the assignments.
var builtIn = loadJsonContent('roles/built-in.json')
var scopes = map(subscriptionIds, id => '/subscriptions/${id}')
var operatorRole = loadJsonContent('roles/operator.json')
var provisionerRole = loadJsonContent('roles/provisioner.json')
var networkRoles = [
  for role in (allowProvisioning ? [operatorRole, provisionerRole] : [operatorRole]): {
    ...role
    Name: '${role.Name} ${roleSuffix}'
    AssignableScopes: scopes
  }
]

output ROLES_TO_MAKE RoleDefinition[] = assignRoles ? [] : networkRoles
output NETWORK_ROLES_TO_ASSIGN RolesToAssign[] = [
  for scope in (assignRoles ? [] : scopes): {
    roles: map(networkRoles, role => role.Name)
    scope: scope
  }
]
output STORAGE_ROLES_TO_ASSIGN RolesToAssign[] = [
  for role in (assignRoles ? [] : items(builtIn.storage)): {
    roles: [role.key]
    scope: storage.outputs.id
  }
]
output LOG_ROLES_TO_ASSIGN RolesToAssign[] = [
  for role in (assignRoles ? [] : items(builtIn.log)): {
    roles: [role.key]
    scope: monitoring.outputs.applicationInsightsId
  }
]
output SECRET_ROLES_TO_ASSIGN RolesToAssign[] = [
  for role in (assignRoles || empty(webhookSecretId) ? [] : items(builtIn.secret)): {
    roles: [role.key]
    scope: webhookSecretId
  }
]
output QUEUE_ROLES_TO_ASSIGN TopicRolesToAssign[] = [
  for (topic, place) in (assignRoles ? [] : topics): {
    roles: objectKeys(builtIn.queue)
    scope: '${storage.outputs.id}/queueServices/default/queues/${eventQueue}'
    principalId: systemTopics[place].outputs.principalId
  }
]
output DEAD_LETTER_ROLES_TO_ASSIGN TopicRolesToAssign[] = [
  for (topic, place) in (assignRoles ? [] : topics): {
    roles: objectKeys(builtIn.deadLetters)
    scope: '${storage.outputs.id}/blobServices/default/containers/${deadLetterContainer}'
    principalId: systemTopics[place].outputs.principalId
  }
]
