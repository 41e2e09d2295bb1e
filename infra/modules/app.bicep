// The function app: on Flex Consumption, or on a Premium plan if the cloud has no Flex Consumption.
import { AppSettings, StorageEndpoints, Tags } from '../types.bicep'

param name string
param location string
param tags Tags

@allowed(['flex', 'premium'])
param hostingPlan string

@description('Size of the Premium plan.')
param premiumSku string

param identityId string
param identityClientId string
param storageEndpoints StorageEndpoints
param deploymentContainer string

@secure()
param applicationInsightsConnectionString string

@description('Id of the workspace that gets the host\'s log.')
param workspaceId string

@description('If true, the app signs in to Application Insights with its identity.')
param signInToLog bool

@description('The app\'s own settings, by name.')
param appSettings AppSettings

@description('Id of the subnet for outgoing traffic. If empty, there is none.')
param integrationSubnetId string

@allowed(['Enabled', 'Disabled'])
param publicNetworkAccess string

@description('Client id of the Entra app registration for callers\' tokens. If empty, callers use keys only.')
param authClientId string

@description('Host that Entra names as the issuer of its tokens in this cloud. In Azure operated by 21Vianet it is not the host of environment().')
param loginHost string

@description('If true, people reach the app through a gateway, under the gateway\'s name.')
param isBehindGateway bool

@description('The most instances of Flex Consumption at a time. Each serves 32 route tables at once.')
param maximumInstanceCount int

var flex = hostingPlan == 'flex'
var pythonVersion = '3.13'
var flexPlan = {
  name: 'FC1'
  tier: 'FlexConsumption'
}
var premiumPlan = {
  name: premiumSku
}
var flexConfig resourceInput<'Microsoft.Web/sites@2025-03-01'>.properties.functionAppConfig = {
  deployment: {
    storage: {
      type: 'blobContainer'
      value: deploymentContainer
      authentication: {
        type: 'UserAssignedIdentity'
        userAssignedIdentityResourceId: identityId
      }
    }
  }
  runtime: {
    name: 'python'
    version: pythonVersion
  }
  scaleAndConcurrency: {
    // docs/scale.md says why not 512.
    instanceMemoryMB: 2048
    maximumInstanceCount: maximumInstanceCount
    // If this is missing, an instance of a Python app serves one HTTP request at a time, and a storm of
    // alerts starts an instance for each of them. A request of this app mostly waits for storage or
    // Azure. Other languages have 16 by default for this memory.
    triggers: {
      http: {
        perInstanceConcurrency: 16
      }
    }
  }
}
// Flex Consumption refuses all of these settings.
var premiumSettings = {
  ENABLE_ORYX_BUILD: 'true'
  FUNCTIONS_EXTENSION_VERSION: '~4'
  FUNCTIONS_WORKER_RUNTIME: 'python'
  SCM_DO_BUILD_DURING_DEPLOYMENT: 'true'
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: flex ? 'functionapp' : 'linux'
  sku: flex ? flexPlan : premiumPlan
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    publicNetworkAccess: publicNetworkAccess
    siteConfig: {
      http20Enabled: true
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ...(flex
        ? {}
        : {
            alwaysOn: true
            ftpsState: 'Disabled'
            linuxFxVersion: 'PYTHON|${pythonVersion}'
            vnetRouteAllEnabled: true
          })
    }
    ...(flex ? { functionAppConfig: flexConfig } : {})
    ...(empty(integrationSubnetId) ? {} : { virtualNetworkSubnetId: integrationSubnetId })
  }

  resource settings 'config' = {
    name: 'appsettings'
    properties: {
      AzureWebJobsStorage__blobServiceUri: storageEndpoints.blob
      AzureWebJobsStorage__queueServiceUri: storageEndpoints.queue
      AzureWebJobsStorage__tableServiceUri: storageEndpoints.table
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: identityClientId
      AZURE_CLIENT_ID: identityClientId
      APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsightsConnectionString
      ...(signInToLog
        ? { APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD' }
        : {})
      ...(flex ? {} : premiumSettings)
      ...appSettings
    }
  }

  // Deployments use an identity, so sign-in by name and password is switched off.
  resource ftp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: {
      allow: false
    }
  }

  resource scm 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: {
      allow: false
    }
  }

  // App Service checks the tokens, and signs people in to the dashboard. It lets every other request
  // through: the host asks for a key, and the app decides what that key opens.
  resource authentication 'config' = if (!empty(authClientId)) {
    name: 'authsettingsV2'
    properties: {
      platform: {
        enabled: true
      }
      globalValidation: {
        requireAuthentication: false
        unauthenticatedClientAction: 'AllowAnonymous'
      }
      httpSettings: {
        requireHttps: true
        // Entra sends a person back to the name in X-Forwarded-Host, instead of the app's own.
        forwardProxy: {
          convention: isBehindGateway ? 'Standard' : 'NoProxy'
        }
      }
      login: {
        // A sign-in leads back to a page of the app alone. These are the defaults of App Service, too.
        allowedExternalRedirectUrls: []
        cookieExpiration: {
          convention: 'FixedTime'
          timeToExpiration: '08:00:00'
        }
        nonce: {
          validateNonce: true
          nonceExpirationInterval: '00:05:00'
        }
        // The app reads what App Service says of a person, and nobody's tokens.
        tokenStore: {
          enabled: false
        }
      }
      identityProviders: {
        azureActiveDirectory: {
          enabled: true
          registration: {
            clientId: authClientId
            openIdIssuer: 'https://${loginHost}/${tenant().tenantId}/v2.0'
          }
          validation: {
            allowedAudiences: [
              authClientId
              'api://${authClientId}'
            ]
            // Any application of the tenant may come, because the app looks at its roles. Without this
            // policy App Service has been seen to store an empty list of allowed applications, and to
            // answer every valid token with 403: pnp/Microsoft365-Analytics-Insights#264.
            defaultAuthorizationPolicy: {
              allowedPrincipals: {}
            }
          }
        }
      }
    }
  }
}

// Application Insights has these records, too, unless the app cannot reach it or sign in to it.
#disable-next-line use-recent-api-versions // the only one that is no preview is of 2016
resource hostLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: app
  name: 'host-log'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'FunctionAppLogs'
        enabled: true
      }
    ]
  }
}

output id string = app.id
output name string = app.name
output url string = 'https://${app.properties.defaultHostName}'
