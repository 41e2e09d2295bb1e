// The right of the app's identity to read one secret of a Key Vault.
param principalId string
param vaultName string
param secretName string

// Source: "Azure built-in roles".
var roles = loadJsonContent('../roles/built-in.json').secret

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' existing = {
  name: vaultName

  resource secret 'secrets' existing = {
    name: secretName
  }
}

resource ofSecret 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in items(roles): {
    name: guid(vault::secret.id, principalId, role.value)
    scope: vault::secret
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role.value)
    }
  }
]
