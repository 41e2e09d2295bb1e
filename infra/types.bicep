// The types of parameters and outputs.

@description('Azure tags by name.')
@export()
type Tags = {
  @description('The value of one tag.')
  *: string
}

@description('App settings by name.')
@export()
type AppSettings = {
  @description('The value of one setting.')
  *: string
}

@description('URLs of the services of a storage account.')
@export()
type StorageEndpoints = {
  @description('URL of the blobs.')
  blob: string

  @description('URL of the queues.')
  queue: string

  @description('URL of the tables.')
  table: string
}

@description('A custom role as the Azure CLI takes it.')
@export()
type RoleDefinition = {
  @description('Name of the role.')
  Name: string

  @description('True for a custom role.')
  IsCustom: bool

  @description('What the role is for.')
  Description: string

  @description('Operations that the role allows.')
  Actions: string[]

  @description('Operations that are taken from the allowed ones.')
  NotActions: string[]

  @description('Operations on data that the role allows.')
  DataActions: string[]

  @description('Operations on data that are taken from the allowed ones.')
  NotDataActions: string[]

  @description('Ids of the scopes in which the role may be assigned.')
  AssignableScopes: string[]
}

@description('Roles that the app\'s identity needs in one scope.')
@export()
type RolesToAssign = {
  @description('Names of the roles.')
  roles: string[]

  @description('Id of the scope.')
  scope: string
}

@description('Roles that the identity of a system topic needs in one scope.')
@export()
type TopicRolesToAssign = {
  @description('Names of the roles.')
  roles: string[]

  @description('Id of the scope.')
  scope: string

  @description('Principal id of the identity.')
  principalId: string
}

@description('The Event Grid system topic of a subscription.')
@export()
type SystemTopic = {
  @description('Id of the subscription, in lower case.')
  subscription: string

  @description('Name of the topic\'s resource group.')
  group: string

  @description('Name of the topic.')
  name: string

  @description('If false, somebody else has made the topic.')
  isOurs: bool
}
