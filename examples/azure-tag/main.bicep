// Registers a route table with ASE Route Sync: the app's daily check reads the Azure tag aseRouteSync.
// docs/azure-tags.md says which values the tag may have.
//
// The table itself stays out of the template: a deployment of the table would write all its routes,
// and take away those of the app.

@description('Name of the route table, in the resource group of this deployment.')
param routeTableName string

@description('The value of the tag: off, one service, or service tags with commas between them.')
param aseRouteSync string = 'databricks'

@description('The other tags of the route table. A tag that is not here is taken away.')
param otherTags { *: string } = {}

resource routeTable 'Microsoft.Network/routeTables@2024-05-01' existing = {
  name: routeTableName
}

resource tags 'Microsoft.Resources/tags@2024-07-01' = {
  name: 'default'
  scope: routeTable
  properties: {
    tags: union(otherTags, { aseRouteSync: aseRouteSync })
  }
}
