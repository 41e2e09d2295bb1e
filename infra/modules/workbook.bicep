// A workbook that leads to the dashboard, and shows the log: ages, changes, failures, runs and alerts.
import { Tags } from '../types.bicep'

param name string
param location string
param tags Tags
param applicationInsightsId string

@description('URL of the dashboard, without any key.')
param dashboardUrl string

@description('The number of days for the queries.')
param days int = 90

var questions = [
  {
    title: 'Days since each route table was last found right'
    query: loadTextContent('../queries/tables.kql')
    visualization: 'table'
  }
  {
    title: 'Days since the oldest route table was last found right'
    query: loadTextContent('../queries/oldest-table.kql')
    visualization: 'timechart'
  }
  {
    title: 'Failures and warnings'
    query: loadTextContent('../queries/went-wrong.kql')
    visualization: 'table'
  }
  {
    title: 'Routes added, updated and removed'
    query: loadTextContent('../queries/changes.kql')
    visualization: 'barchart'
  }
  {
    title: 'Runs'
    query: loadTextContent('../queries/runs.kql')
    visualization: 'table'
  }
  {
    title: 'Results of each route table by week'
    query: loadTextContent('../queries/tables-by-week.kql')
    visualization: 'table'
  }
  {
    title: 'Alerts, and the runs that they started'
    query: loadTextContent('../queries/alerts.kql')
    visualization: 'table'
  }
]
var dashboard = {
  type: 11
  name: 'Dashboard'
  content: {
    version: 'LinkItem/1.0'
    style: 'list'
    links: [
      {
        id: 'dashboard'
        preText: 'How each route table is now, and what to do about it:'
        linkLabel: 'open the dashboard'
        linkTarget: 'Url'
        cellValue: dashboardUrl
        style: 'link'
        postText: '. It asks you to sign in, or it needs a key: ase-route-sync open says which.'
      }
    ]
  }
}
var tiles = [
  for question in questions: {
    type: 3
    name: question.title
    content: {
      version: 'KqlItem/1.0'
      title: question.title
      query: question.query
      visualization: question.visualization
      size: 0
      queryType: 0
      resourceType: 'microsoft.insights/components'
      timeContext: {
        durationMs: days * 24 * 60 * 60 * 1000
      }
    }
  }
]

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, name)
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: name
    category: 'workbook'
    #disable-next-line use-resource-id-functions // the portal finds a workbook by an id in lower case
    sourceId: toLower(applicationInsightsId)
    version: 'Notebook/1.0'
    serializedData: string({
      version: 'Notebook/1.0'
      items: concat([dashboard], tiles)
      fallbackResourceIds: [
        applicationInsightsId
      ]
    })
  }
}
