#Requires -Version 7.2
<#
.SYNOPSIS
Start a run of ASE Route Sync, wait for it, and fail if it fails.

.DESCRIPTION
A runbook for Azure Automation (PowerShell 7.2 or newer), in the cloud or on a hybrid worker. It
needs no module. It also runs on a laptop if you define Get-AutomationVariable there.

The output is one object: RunId, Status, Mode, Counts, Tables and Url. Progress is on the
information stream. Each table that waits for approval is a warning, and each table that failed is
an error. The job fails if the run failed, has not ended in time, or if nobody knows whether it was
started.

.PARAMETER Url
The address of the app or of the gateway in front of it: https://NAME.azurewebsites.net.

.PARAMETER KeyVariable
The name of an encrypted Automation variable that holds a host key.

.PARAMETER Plan
Only show what a run would change.

.PARAMETER RouteTable
The ARM ids of the route tables. Without it, the run is for all that are registered.

.PARAMETER Reason
Why the run is started; the app keeps it with the run.

.PARAMETER ChangeId
The id in your change management. Without it, the id of the job is sent, so that a job which
Automation restarts finds its run again.

.PARAMETER PlanRunId
Approve this run: apply exactly what waited in it.

.PARAMETER WaitMinutes
How long the job waits for the run. The run itself goes on after that.

.PARAMETER Audience
If callers of the app have app roles: also send a token of the managed identity for this audience,
api://CLIENT_ID. Azure Arc's identity does not work here.

.PARAMETER ClientId
The client id of a user-assigned identity. Without it, the system-assigned identity is used.

.PARAMETER FailOnPlanned
Fail if a table waits for approval.

.PARAMETER WebhookData
Automation gives it to a runbook that a webhook starts. The alert in it is handed on to the app.

.PARAMETER Body
The body of POST /api/sync, for what has no parameter here. The parameters above are added to it.

.EXAMPLE
./Start-AseRouteSync.ps1 -Url https://NAME.azurewebsites.net -KeyVariable AseRouteSyncKey -Plan
#>
[CmdletBinding(SupportsShouldProcess)]
[OutputType([pscustomobject])]
param(
    [Parameter(Mandatory)] [string] $Url,
    [Parameter(Mandatory)] [string] $KeyVariable,
    [switch] $Plan,
    [string[]] $RouteTable,
    [string] $Reason,
    [string] $ChangeId,
    [string] $PlanRunId,
    [ValidateRange(0.01, 1440)] [double] $WaitMinutes = 60,
    [string] $Audience,
    [string] $ClientId,
    [switch] $FailOnPlanned,
    [object] $WebhookData,
    [string] $Body = '{}'
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

$ReadSeconds = 60      # the limit of a call that only reads
$StartSeconds = 230    # the limit of the start: Azure itself ends a call then
$LastLookSeconds = 5   # the limit of a read for which no time is left
$PatienceSeconds = 30  # how long the job tries before there is a run
$DefaultDelay = 5      # the pause between two reads if the app names none
$BadStatuses = 'failed', 'blocked', 'conflict'
$Began = [datetimeoffset]::UtcNow
$Clock = [Diagnostics.Stopwatch]::StartNew()

# ---- The request ------------------------------------------------------------------------------

function Resolve-BaseUrl([string] $Text) {
    $parsed = $null
    $isUrl = [uri]::TryCreate($Text.Trim(), 'Absolute', [ref] $parsed)
    if (-not $isUrl -or $parsed.Scheme -notin 'http', 'https') {
        throw '-Url is no web address: give https://NAME.azurewebsites.net.'
    }
    if ($parsed.UserInfo -or $parsed.Query -or $parsed.Fragment) {
        throw '-Url has more than an address in it: give https://NAME.azurewebsites.net alone.'
    }
    if ($parsed.Scheme -ne 'https' -and -not $parsed.IsLoopback) {
        throw "-Url begins with http, and a key is sent over https only: $($parsed.Host)"
    }
    return $parsed.GetLeftPart('Path').TrimEnd('/')
}

# A key with a blank or a line break in it is refused by .NET in a message that shows the key.
function Get-CleanSecret([string] $Text, [string] $Name) {
    $clean = $Text.Trim()
    if ($clean -notmatch '^[\x21-\x7e]+$') {
        throw "$Name is empty, or has blanks or letters in it that no key has."
    }
    return $clean
}

function ConvertTo-SyncBody {
    $parsed = try { ConvertFrom-Json -InputObject $Body -AsHashtable } catch { $null }
    if ($parsed -isnot [Collections.IDictionary]) {
        throw '-Body is no JSON object.'
    }

    # The keys are sorted, so that the same request has the same text in another process.
    $result = [ordered] @{}
    foreach ($name in @($parsed.Keys) | Sort-Object) { $result[$name] = $parsed[$name] }
    if ($Plan) { $result['mode'] = 'plan' }
    if ($RouteTable) { $result['routeTables'] = @($RouteTable) }
    if ($Reason) { $result['reason'] = $Reason }
    if ($ChangeId) { $result['changeId'] = $ChangeId }
    if ($PlanRunId) { $result['planRunId'] = $PlanRunId }
    return $result
}

# Only parameters that say nothing about the run may stand beside an alert.
function Get-AlertBody {
    if ($Plan -or $RouteTable -or $Reason -or $ChangeId -or $PlanRunId -or $Body -ne '{}') {
        throw '-WebhookData hands an alert on, so nothing else can be asked for.'
    }

    $data = $WebhookData
    if ($data -is [string]) {
        $data = try { ConvertFrom-Json -InputObject $data } catch { $null }
    }
    if ($data -is [Collections.IDictionary]) { $data = [pscustomobject] $data }
    if ($null -ne $data -and $data.PSObject.Properties['RequestBody']) {
        $alert = $data.RequestBody
        return $alert -is [string] ? $alert : (ConvertTo-Json $alert -Compress -Depth 20)
    }

    # Automation gives PowerShell 7 a text without quotes: {WebhookName:x,RequestBody:{...},
    # RequestHeader:{...}} (MicrosoftDocs/azure-docs#96947, PowerShell/PowerShell#19781).
    if ("$WebhookData" -match '(?s)RequestBody:(.*),RequestHeader:') {
        $text = $Matches[1].Trim()
        if (Test-Json -Json $text -ErrorAction Ignore) { return $text }
    }
    throw 'No alert can be read from -WebhookData: let the action group call the app itself.'
}

# Two jobs never have the same id, but one job can ask for several runs. So the id of a request that
# is not the plain one has a digest of the request behind it.
function Get-OwnChangeId([string] $JobId, [Collections.IDictionary] $Request) {
    $narrow = Get-Narrowing $Request
    if (-not $narrow.Count) { return $JobId }
    $bytes = [Text.Encoding]::UTF8.GetBytes((ConvertTo-Json $narrow -Compress -Depth 9))
    $digest = [Security.Cryptography.SHA256]::HashData($bytes)
    return "$JobId/$([Convert]::ToHexString($digest).Substring(0, 8).ToLowerInvariant())"
}

# What makes a request another one than "apply everything". The list of runs shows only the mode.
function Get-Narrowing([Collections.IDictionary] $Request) {
    $narrow = [ordered] @{}
    foreach ($name in $Request.Keys) {
        $isPlain = $name -eq 'mode' -and $Request[$name] -eq 'apply'
        $isNote = $name -in 'reason', 'changeId'
        if (-not $isPlain -and -not $isNote) { $narrow[$name] = $Request[$name] }
    }
    return $narrow
}

# Some jobs can't learn their id: PowerShell 7 on a hybrid worker has no $PSPrivateMetadata.
function Get-JobId {
    $metadata = Get-Variable -Name PSPrivateMetadata -ValueOnly -ErrorAction Ignore
    if ($metadata -is [Collections.IDictionary] -and $metadata['JobId']) {
        return [string] $metadata['JobId']
    }
    return [string] $env:AUTOMATION_JOB_ID
}

# ---- HTTP -------------------------------------------------------------------------------------

function Get-SecondsLeft {
    return $WaitMinutes * 60 - $Clock.Elapsed.TotalSeconds
}

# Make one call, which ends after these seconds whatever happens. Status 0 means that no whole
# answer came. Invoke-WebRequest would print the key with -Debug (PowerShell/PowerShell#25479), and
# since 7.4 its -TimeoutSec is no limit for a whole call (PowerShell/PowerShell#19558).
function Invoke-Call([string] $Method, [string] $Uri, [hashtable] $Header, [string] $Content,
    [double] $Seconds) {
    $handler = [Net.Http.HttpClientHandler]::new()
    $handler.AllowAutoRedirect = $false
    $handler.UseCookies = $false
    # Over plain HTTP, which is for this machine alone, a proxy would read the key.
    $handler.UseProxy = $Uri.StartsWith('https:')
    $client = [Net.Http.HttpClient]::new($handler)
    $client.Timeout = [timespan]::FromSeconds($Seconds)

    $request = [Net.Http.HttpRequestMessage]::new($Method, $Uri)
    foreach ($name in $Header.Keys) {
        [void] $request.Headers.TryAddWithoutValidation($name, $Header[$name])
    }
    if ($Content) {
        $type = 'application/json'
        $request.Content = [Net.Http.StringContent]::new($Content, [Text.Encoding]::UTF8, $type)
    }

    $task = $client.SendAsync($request)
    try {
        while (-not $task.Wait(200)) { }  # in short steps, so that the job can be stopped
        $response = $task.Result
        return Read-Response $response $response.Content.ReadAsStringAsync().Result
    }
    catch {
        $cause = $_.Exception.GetBaseException()
        $timedOut = $task.IsCanceled
        $why = $timedOut ? "no answer within $([Math]::Round($Seconds)) seconds" : $cause.Message
        $sent = $timedOut -or -not (Test-Unsent $cause)
        return @{ Status = 0; Text = $why; Json = $null; Delay = $DefaultDelay; Sent = $sent }
    }
    finally {
        $client.Dispose()
    }
}

function Read-Response([Net.Http.HttpResponseMessage] $Response, [string] $Text) {
    $json = try { ConvertFrom-Json -InputObject $Text -AsHashtable } catch { $null }
    $headers = $Response.Headers.NonValidated
    return @{
        Status = [int] $Response.StatusCode
        Text = $Text
        Json = $json -is [Collections.IDictionary] ? $json : $null
        Delay = $headers.Contains('Retry-After') `
            ? (ConvertTo-Delay $headers['Retry-After'].ToString()) : $DefaultDelay
        Location = $Response.Headers.Location
        Sent = $true
    }
}

# Seconds, a date, or nonsense: at least 1 second, at most 60.
function ConvertTo-Delay([string] $RetryAfter) {
    $culture = [cultureinfo]::InvariantCulture
    $date = [datetimeoffset]::MinValue
    $seconds = $DefaultDelay
    if ($RetryAfter -match '^\s*\d+(\.\d+)?\s*$') {
        $seconds = [double]::Parse($RetryAfter, $culture)
    }
    elseif ([datetimeoffset]::TryParse($RetryAfter, $culture, 'AssumeUniversal', [ref] $date)) {
        $seconds = ($date - [datetimeoffset]::UtcNow).TotalSeconds
    }
    return [Math]::Clamp([double] $seconds, 1.0, 60.0)
}

# Whether the call failed before anything was sent: no name, nobody at home, or a wrong certificate.
function Test-Unsent([Exception] $Cause) {
    if ($Cause -is [Net.Sockets.SocketException]) {
        return $Cause.SocketErrorCode -in 'ConnectionRefused', 'HostNotFound', 'TryAgain', 'NoData',
            'HostUnreachable', 'NetworkUnreachable'
    }
    return $Cause -is [Security.Authentication.AuthenticationException]
}

function Test-Redirect([hashtable] $Answer) {
    return $Answer.Status -ge 300 -and $Answer.Status -lt 400
}

# Whether the same call may be answered well a little later. The app and its host answer errors in
# JSON or without a body; anything else comes from a gateway.
function Test-Passing([hashtable] $Answer, [int[]] $Also = @()) {
    if ($Answer.Status -in @(408, 429) + $Also -or $Answer.Status -ge 500) { return $true }
    if ($Answer.Status -eq 401 -or (Test-Redirect $Answer)) { return $false }
    $isAnswered = $null -ne $Answer.Json
    if ($Answer.Status -lt 300) { return -not $isAnswered }
    return -not $isAnswered -and $Answer.Text.Trim() -ne ''
}

# Call again while the answer is one that passes, and the time is not up. -Within also ends it.
function Wait-Answer([string] $Uri, [hashtable] $Header, [string] $Method = 'Get',
    [string] $Content, [int[]] $Also = @(), [double] $Within = [double]::MaxValue) {
    $ends = [Math]::Min((Get-SecondsLeft), $Within) + $Clock.Elapsed.TotalSeconds
    while ($true) {
        $left = [Math]::Max($ends - $Clock.Elapsed.TotalSeconds, $LastLookSeconds)
        $seconds = [Math]::Min($ReadSeconds, $left)
        $answer = Invoke-Call $Method $Uri $Header $Content $seconds

        $isUp = $Clock.Elapsed.TotalSeconds -ge $ends
        if ($isUp -or -not (Test-Passing $answer $Also)) { return $answer }
        Write-Information "$(Get-AnswerText $answer); trying again."
        Wait-Pause $answer.Delay
    }
}

function Wait-Pause([double] $Seconds) {
    Start-Sleep -Seconds ([Math]::Max([Math]::Min($Seconds, (Get-SecondsLeft)), 0))
}

# Say what an answer says, in one line and without a key that somebody might have put into it.
function Get-AnswerText([hashtable] $Answer) {
    if ($Answer.Status -eq 0) { return "The app does not answer: $($Answer.Text)" }
    $text = "The answer was $($Answer.Status)"
    if (Test-Redirect $Answer) {
        return "$text, a redirect, and keys do not follow redirects"
    }
    if ($Answer.Status -eq 401) { $text += ' (is the key a host key of this app?)' }
    if ($null -eq $Answer.Json) {
        return $Answer.Text.Trim() ? "$text and no JSON" : $text
    }

    $problem = $Answer.Json['error']
    if ($problem -is [Collections.IDictionary]) {
        $details = foreach ($one in @($problem['details'])) {
            if ($one) { "$($one['target']): $($one['message'])" }
        }
        $said = "$($problem['code']): $($problem['message'])"
        $text += " $((@($said) + @($details) | Where-Object { $_ }) -join '; ')"
    }
    return $text.Replace($Key, '***')
}

# ---- The managed identity ---------------------------------------------------------------------

# Automation has an endpoint of its own. Hybrid workers on virtual machines have the instance
# metadata service, which Azure's SDKs look for in the same variable.
function Get-IdentityToken {
    $query = "?resource=$([uri]::EscapeDataString($Audience))"
    if ($ClientId) { $query += "&client_id=$([uri]::EscapeDataString($ClientId))" }
    $headers = @{ Metadata = 'true' }

    if ($env:IDENTITY_ENDPOINT -and $env:IDENTITY_HEADER) {
        $uri = "$($env:IDENTITY_ENDPOINT)$query&api-version=2019-08-01"
        $headers['X-IDENTITY-HEADER'] = $env:IDENTITY_HEADER
    }
    elseif ($env:IDENTITY_ENDPOINT) {
        throw 'No run was started: the identity of an Azure Arc machine does not work here.'
    }
    else {
        $service = $env:AZURE_POD_IDENTITY_AUTHORITY_HOST ?? 'http://169.254.169.254'
        $path = '/metadata/identity/oauth2/token'
        $uri = "$($service.TrimEnd('/'))$path$query&api-version=2018-02-01"
    }

    # The metadata service answers 404 and 410 while it is being updated.
    $answer = Wait-Answer $uri $headers -Also 404, 410 -Within $PatienceSeconds
    if ($answer.Status -ne 200 -or -not $answer.Json -or -not $answer.Json['access_token']) {
        $why = $answer.Status -eq 0 ? $answer.Text : "it answered $($answer.Status)"
        throw "No run was started: the managed identity gives no token: $why."
    }
    return Get-CleanSecret $answer.Json['access_token'] 'The token of the managed identity'
}

# ---- The run ----------------------------------------------------------------------------------

# Return the id of the run that this request has started, or nothing. `Refusal` says why it can't be
# known.
function Find-Run([Collections.IDictionary] $Request, [switch] $IsOwnId, [double] $Within) {
    $query = "changeId=$([uri]::EscapeDataString($Request['changeId']))&top=20"
    $answer = Wait-Answer "$Base/api/runs?$query" $AppHeader -Within $Within
    if ($answer.Status -ne 200 -or -not $answer.Json) {
        return @{ RunId = ''; Refusal = Get-AnswerText $answer }
    }

    foreach ($run in @($answer.Json['value'])) {
        if ($run -and (Test-OwnRun $run $Request -IsOwnId:$IsOwnId)) {
            return @{ RunId = $run['runId']; Refusal = '' }
        }
    }
    return @{ RunId = ''; Refusal = '' }
}

# Other people may have used the change id that a person gave, for other runs.
function Test-OwnRun([Collections.IDictionary] $Run, [Collections.IDictionary] $Request,
    [switch] $IsOwnId) {
    if ($Run['changeId'] -cne $Request['changeId']) { return $false }
    if ("$($Run['reason'])" -cne "$($Request['reason'])") { return $false }
    if ($IsOwnId) { return $true }

    $mode = $Request['mode'] ?? 'apply'
    $shown = @((Get-Narrowing $Request).Keys | Where-Object { $_ -ne 'mode' }).Count -eq 0
    return $shown -and $Run['mode'] -eq $mode -and $Run['startedAt'] -and
        [datetimeoffset] $Run['startedAt'] -ge $Began
}

# Start a run, and return its id. A call that was never sent is tried again, and no other.
function Request-Run([Collections.IDictionary] $Request, [switch] $IsOwnId) {
    $content = ConvertTo-Json $Request -Compress -Depth 20
    if ((Get-SecondsLeft) -le 0) { throw 'No run was started: the time is up.' }
    do {
        $seconds = [Math]::Clamp((Get-SecondsLeft), 1, $StartSeconds)
        $answer = Invoke-Call Post "$Base/api/sync" $AppHeader $content $seconds
        $tried = $Clock.Elapsed.TotalSeconds
        $again = -not $answer.Sent -and $tried -lt $PatienceSeconds -and (Get-SecondsLeft) -gt 0
        if ($again) { Wait-Pause $answer.Delay }
    } while ($again)

    $runId = Receive-Start $answer
    if ($runId) { return $runId }
    $isUnknown = $answer.Status -in 0, 408 -or $answer.Status -ge 500 -or $answer.Status -lt 300
    if (-not $answer.Sent -or -not $isUnknown) {
        throw "No run was started. $(Get-AnswerText $answer)."
    }
    return Find-LostRun $Request (Get-AnswerText $answer) -IsOwnId:$IsOwnId
}

# The app may have started the run although its answer was lost. It may also still be about to.
function Find-LostRun([Collections.IDictionary] $Request, [string] $Why, [switch] $IsOwnId) {
    Write-Warning "It is not known whether a run was started, so the job looks for it. $Why."
    foreach ($look in 1..3) {
        $found = Find-Run $Request -IsOwnId:$IsOwnId -Within $PatienceSeconds
        if ($found.RunId -or (Get-SecondsLeft) -le 0) { break }
        if ($look -lt 3) { Wait-Pause $DefaultDelay }
    }
    if ($found.RunId) { return $found.RunId }

    $seen = $found.Refusal ? $found.Refusal : 'No run was found that is surely this one'
    $id = $Request['changeId']
    throw "It is not known whether a run was started. $Why. $seen. " +
        "Before you start another, look for the changeId $id in $Base/api/runs."
}

# Return the id of the run that was started, or nothing, after the pause that the app asks for. The
# run is read under the address of -Url, whatever Location says, because no other host gets the key.
function Receive-Start([hashtable] $Answer) {
    $runId = $Answer.Json ? [string] $Answer.Json['runId'] : ''
    if ($Answer.Status -ne 202 -or $runId -notmatch '^[0-9A-Za-z-]{1,64}$') { return '' }

    $location = $Answer.Location
    $isAbsolute = $location -and $location.IsAbsoluteUri
    if ($isAbsolute -and $location.Authority -ne ([uri] $Base).Authority) {
        Write-Warning ("Location names another host, $($location.Authority), which gets no key. " +
            'If the app stands behind a gateway, set PUBLIC_URL.')
    }
    Wait-Pause $Answer.Delay
    return $runId
}

# Wait for the end of the run, and return its report.
function Wait-Run([string] $RunId) {
    while ($true) {
        $answer = Wait-Answer "$Base/api/runs/$RunId" $AppHeader
        $isRead = $answer.Status -in 200, 202
        # Even with 200, what a gateway shows is no report of this run.
        $isAnswer = $isRead -and $answer.Json -and $answer.Json['runId'] -eq $RunId
        if ($isAnswer -and $answer.Json['status'] -in 'Succeeded', 'Failed') { return $answer.Json }

        if (-not $isRead -and -not (Test-Passing $answer)) {
            throw "Run $RunId can't be followed; it goes on by itself. $(Get-AnswerText $answer)."
        }
        if ((Get-SecondsLeft) -le 0) {
            $last = $isAnswer ? '' : " $(Get-AnswerText $answer)."
            $limit = "$WaitMinutes minutes"
            throw "Run $RunId has not ended in time ($limit); it goes on by itself.$last"
        }
        Wait-Pause $answer.Delay
    }
}

# ---- The report -------------------------------------------------------------------------------

# Return what is wrong with a table, as code and message.
function Get-Fault([Collections.IDictionary] $Outcome) {
    $faults = @($Outcome['error']) + @($Outcome['violations']) | Where-Object { $_ }
    $texts = @($faults | ForEach-Object { "$($_['code']): $($_['message'])" })
    foreach ($one in @($Outcome['conflicts'])) {
        if ($one -and -not $one['accepted']) {
            $texts += "Conflict: $($one['prefix']) has the route $($one['routeName']) to " +
                "$($one['nextHopType']), which is not ours"
        }
    }
    return $texts -join '; '
}

function Get-Remedy([Collections.IDictionary] $Outcome, [string] $RunId) {
    $codes = @(@($Outcome['violations']) | Where-Object { $_ -and $_['forceable'] } |
            ForEach-Object { $_['code'] })
    if ($Outcome['status'] -eq 'conflict') {
        return 'Delete that route, or register an exception for its prefix.'
    }
    if ($codes) {
        $force = ConvertTo-Json -InputObject $codes -Compress
        return 'If the change is right, let it pass: -Body ' +
            "'{`"planRunId`": `"$RunId`", `"force`": $force}' -Reason '...'"
    }
    return 'Mend that, and start a new run. docs/operations.md explains each code.'
}

# Whether something of this table waits for a person. An additive policy withholds only removals.
function Test-Waiting([Collections.IDictionary] $Outcome) {
    $withheld = @(@($Outcome['withheld']) | Where-Object { $_ -and $_['why'] -eq 'ApplyPolicy' })
    return $Outcome['status'] -eq 'planned' -or ($Outcome['status'] -eq 'changed' -and $withheld)
}

function Write-TableTrouble([Collections.IDictionary] $Outcome, [string] $RunId) {
    $table = $Outcome['routeTableId']
    if ($Outcome['status'] -in $BadStatuses) {
        $text = "$table $($Outcome['status']): $(Get-Fault $Outcome). $(Get-Remedy $Outcome $RunId)"
        Write-Error -Message $text -ErrorAction Continue
    }
    elseif (Test-Waiting $Outcome) {
        Write-Warning ("$table waits for approval in run ${RunId}: ./Start-AseRouteSync.ps1 " +
            "-Url $Base -KeyVariable $KeyVariable -PlanRunId $RunId -RouteTable $table")
    }
}

# A job's output has a limit of 1 MB, so a table's prefixes are counted and not listed.
function ConvertTo-TableResult([Collections.IDictionary] $Outcome) {
    return [pscustomobject] @{
        RouteTable = $Outcome['routeTableId']
        Status = $Outcome['status']
        Added = @($Outcome['added']).Count
        Removed = @($Outcome['removed']).Count
        Updated = @($Outcome['updated']).Count
        Fault = Get-Fault $Outcome
    }
}

# Output the result, say what is wrong, and fail if the run has failed.
function Write-Report([Collections.IDictionary] $Report) {
    $runId = $Report['runId']
    $outcomes = @(@($Report['outcomes']) | Where-Object { $_ })
    Write-Information "Run $runId ended: $($Report['status'])."
    [pscustomobject] @{
        RunId = $runId
        Status = $Report['status']
        Mode = $Report['mode']
        Counts = [pscustomobject] $Report['counts']
        Tables = @($outcomes | ForEach-Object { ConvertTo-TableResult $_ })
        Url = "$Base/api/runs/$runId"
    }

    $outcomes | ForEach-Object { Write-TableTrouble $_ $runId }
    if ($Report['status'] -ne 'Succeeded') {
        $bad = @($outcomes | Where-Object { $_['status'] -in $BadStatuses }).Count
        $cause = $Report['error']
        $why = $cause ? " $($cause['code']): $($cause['message'])." : ''
        throw "Run $runId failed, with $bad of $($outcomes.Count) route tables.$why"
    }
    $waiting = @($outcomes | Where-Object { Test-Waiting $_ }).Count
    if ($FailOnPlanned -and $waiting) {
        throw "Run ${runId}: $waiting route tables wait for approval."
    }
}

# ---- The job ----------------------------------------------------------------------------------

function Send-Alert([string] $Alert) {
    # The app starts one run for an alert, however often it comes, so every call may be repeated.
    $answer = Wait-Answer "$Base/api/alerts" $AppHeader -Method Post -Content $Alert
    if ($answer.Status -eq 202 -and $answer.Json -and $answer.Json['ignored']) {
        Write-Information "The alert was ignored: $($answer.Json['ignored'])."
        return ''
    }
    $runId = Receive-Start $answer
    if (-not $runId) { throw "The alert was not taken. $(Get-AnswerText $answer)." }
    return $runId
}

function Resolve-Run([Collections.IDictionary] $Request) {
    $isOwnId = -not $Request['changeId']
    if (-not $isOwnId) { return Request-Run $Request }

    # Automation begins a job again if its machine is lost, or after three hours.
    $jobId = Get-JobId
    $Request['changeId'] = Get-OwnChangeId ($jobId ? $jobId : [guid]::NewGuid()) $Request
    if ($jobId) {
        $found = Find-Run $Request -IsOwnId -Within $PatienceSeconds
        if ($found.Refusal) { throw "No run was started. $($found.Refusal)." }
        if ($found.RunId) {
            Write-Information "This job has started run $($found.RunId) before."
            return $found.RunId
        }
    }
    return Request-Run $Request -IsOwnId
}

$Base = Resolve-BaseUrl $Url
$isAlert = $null -ne $WebhookData
$alert = $isAlert ? (Get-AlertBody) : ''
$request = $isAlert ? $null : (ConvertTo-SyncBody)
$action = $isAlert ? 'hand an alert on' : "start a run ($($request['mode'] ?? 'apply'))"
if (-not $PSCmdlet.ShouldProcess($Base, $action)) { return }

$Key = Get-CleanSecret (Get-AutomationVariable -Name $KeyVariable) "The variable $KeyVariable"
$AppHeader = @{ 'x-functions-key' = $Key }
if ($Audience) { $AppHeader['Authorization'] = "Bearer $(Get-IdentityToken)" }

$runId = $isAlert ? (Send-Alert $alert) : (Resolve-Run $request)
if (-not $runId) {
    return [pscustomobject] @{
        RunId = $null; Status = 'Ignored'; Mode = $null; Counts = $null; Tables = @(); Url = $null
    }
}
Write-Information "Waiting for run $runId."
Write-Report (Wait-Run $runId)
