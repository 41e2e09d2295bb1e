<#
.SYNOPSIS
Azure Automation runbook (PowerShell 7.2 or newer): start a run of ASE Route Sync, and wait for it.

.DESCRIPTION
The job fails if the run failed or has not ended in time. The runbook needs no module.

.PARAMETER Url
The address of the app, https://NAME.azurewebsites.net.

.PARAMETER KeyVariable
An encrypted Automation variable that holds a host key.

.PARAMETER Body
The body of POST /api/sync; {} means all route tables.

.PARAMETER Audience
If callers of the app have app roles: also send a token of the Automation account's managed
identity for this audience, api://CLIENT_ID.

.PARAMETER WaitMinutes
How long the job waits for the run.
#>
param(
    [Parameter(Mandatory = $true)] [string] $Url,
    [Parameter(Mandatory = $true)] [string] $KeyVariable,
    [string] $Body = '{}',
    [string] $Audience,
    [int] $WaitMinutes = 60
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
$LongestWaitSeconds = 60

function Get-IdentityToken([string] $Audience) {
    $query = "resource=$([uri]::EscapeDataString($Audience))&api-version=2019-08-01"
    $headers = @{ 'X-IDENTITY-HEADER' = $env:IDENTITY_HEADER; Metadata = 'True' }
    $answer = Invoke-RestMethod -Uri "$($env:IDENTITY_ENDPOINT)?$query" -Headers $headers
    return $answer.access_token
}

function Get-AppHeader() {
    $header = @{ 'x-functions-key' = Get-AutomationVariable -Name $KeyVariable }
    if ($Audience) {
        $header.Authorization = "Bearer $(Get-IdentityToken $Audience)"
    }
    return $header
}

# If the app does not answer, only a read is tried again, so that no run is started twice.
function Invoke-App([string] $Method, [string] $Uri, [string] $Content) {
    $call = @{
        Method = $Method
        Uri = $Uri
        Headers = $Headers
        ContentType = 'application/json'
        SkipHttpErrorCheck = $true
    }
    if ($Method -eq 'Post') {
        $call.Body = $Content
    }
    else {
        $call.MaximumRetryCount = 4
        $call.RetryIntervalSec = 2
    }
    return Invoke-WebRequest @call
}

function Get-ErrorText($Part) {
    if ($null -eq $Part.error) {
        return ''
    }
    return "$($Part.error.code) $($Part.error.message)"
}

$Headers = Get-AppHeader
$answer = Invoke-App 'Post' "$($Url.TrimEnd('/'))/api/sync" $Body
if ($answer.StatusCode -ne 202) {
    throw "No run was started: $($answer.StatusCode) $($answer.Content)"
}
$runId = ($answer.Content | ConvertFrom-Json).runId
Write-Output "Run $runId started."

$ends = (Get-Date).AddMinutes($WaitMinutes)
while ($answer.StatusCode -eq 202) {
    if ((Get-Date) -gt $ends) {
        throw "Run $runId has not ended in time; it goes on by itself."
    }
    $location = [string] $answer.Headers['Location']
    $seconds = [int] [string] $answer.Headers['Retry-After']
    Start-Sleep -Seconds ([Math]::Min($seconds, $LongestWaitSeconds))
    $answer = Invoke-App 'Get' $location ''
}
if ($answer.StatusCode -ne 200) {
    throw "Run $runId can't be followed: $($answer.StatusCode) $($answer.Content)"
}

$report = $answer.Content | ConvertFrom-Json
Write-Output ($report.counts | ConvertTo-Json -Compress)
if ($report.status -ne 'Succeeded') {
    $bad = $report.outcomes | Where-Object { $_.status -in 'failed', 'blocked', 'conflict' }
    foreach ($outcome in $bad) {
        Write-Warning "$($outcome.status): $($outcome.routeTableId) $(Get-ErrorText $outcome)"
    }
    throw "Run $runId failed. $(Get-ErrorText $report)"
}
