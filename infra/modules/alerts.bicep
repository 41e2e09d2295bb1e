// The alerts: a failed run, an alarm of the daily check, a check that did not run, a message or an event
// that was given up. A log alert looks back two days at most.
import { Tags } from '../types.bicep'

param name string
param location string
param tags Tags
param applicationInsightsId string

@description('The time at which the log was made.')
param logCreatedAt string

@description('Mail addresses that receive the alerts.')
param emails string[]

@description('Ids of further action groups that receive the alerts.')
param otherActionGroupIds string[]

// A rule with `resolves` has a state for each value of its dimensions: it fires once, and again only
// after its query has found nothing for some hours. Azure then calls the alert resolved.
// Source: Microsoft's page "Create or edit a log search alert rule", advanced options.
var rules = [
  {
    name: 'failed-run'
    displayName: 'A run has failed'
    description: 'The run ended as Failed. GET /api/runs/{runId} has its report, and docs/operations.md explains it. If Azure calls this alert resolved, only time has passed.'
    severity: 1
    query: loadTextContent('../queries/failed-runs.kql')
    every: 'PT15M'
    within: 'PT1H'
    operator: 'GreaterThan'
    dimensions: ['runId']
    resolves: true
  }
  // One evaluation a day tells every alarm of the newest check, so an alarm is told each day until a
  // check no longer has it, however late the records arrive and whoever runs a check in between.
  // With a state, it would be told only once. More evaluations would need muting, and no page says
  // whether a muted alarm hides a new one. So an alarm can be told a day after its check.
  {
    name: 'alarm'
    displayName: 'The daily check has an alarm'
    description: 'docs/operations.md says what each code means and what to do. The alarm comes once a day, until a check no longer has it.'
    severity: 2
    query: loadTextContent('../queries/alarms.kql')
    every: 'P1D'
    within: 'P2D'
    operator: 'GreaterThan'
    dimensions: ['code', 'routeTableId']
    resolves: false
  }
  {
    name: 'heartbeat'
    displayName: 'The daily check did not come'
    description: 'There was no check for 26 hours, so nobody looks after the route tables. See whether CHECK_SCHEDULE is right, the app runs and its log arrives. After the first deployment, the first check has 26 hours.'
    severity: 1
    query: replace(loadTextContent('../queries/heartbeat.kql'), '2000-01-01', logCreatedAt)
    every: 'PT1H'
    within: 'P2D'
    operator: 'LessThanOrEqual'
    dimensions: []
    resolves: true
  }
  {
    name: 'poison'
    displayName: 'A message was given up'
    description: 'All attempts to start a run or to correct a route table have failed. Look at the run and at the exceptions of the function. If Azure calls this alert resolved, only time has passed.'
    severity: 1
    query: loadTextContent('../queries/poison.kql')
    every: 'PT15M'
    within: 'PT1H'
    operator: 'GreaterThan'
    dimensions: ['operation_Name']
    resolves: true
  }
  {
    name: 'lost-event'
    displayName: 'An event was given up'
    description: 'Each of the 15 deliveries of an event of Event Grid has failed. It costs only speed: the daily check repairs what the event was about. Look at the exceptions of the function resource_events. If Azure calls this alert resolved, only time has passed.'
    severity: 3
    query: loadTextContent('../queries/lost-events.kql')
    every: 'PT1H'
    within: 'PT2H'
    operator: 'GreaterThan'
    dimensions: []
    resolves: true
  }
]

resource group 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: name
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'routesync'
    emailReceivers: [
      for email in emails: {
        name: email
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for rule in rules: {
    name: '${name}-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'ASE Route Sync: ${rule.displayName}'
      description: rule.description
      severity: rule.severity
      enabled: true
      autoMitigate: rule.resolves
      // Before the first record, the table of the query does not exist.
      skipQueryValidation: true
      scopes: [
        applicationInsightsId
      ]
      evaluationFrequency: rule.every
      windowSize: rule.within
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: rule.operator
            threshold: 0
            dimensions: map(rule.dimensions, dimension => {
              name: dimension
              operator: 'Include'
              values: ['*']
            })
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: {
        actionGroups: concat([group.id], otherActionGroupIds)
      }
    }
  }
]

output actionGroupId string = group.id
