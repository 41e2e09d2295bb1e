<#
.SYNOPSIS
Run many jobs of a runbook side by side in one process, and write what each one came to.

.DESCRIPTION
What Azure Automation has and a plain PowerShell has not is defined here, for each job in a runspace
of its own. A pause is noted, and takes a moment only.
#>
param([string] $Jobs, [string] $Results)
$ErrorActionPreference = 'Stop'

$setup = {
    param($Key, $JobId)
    $global:Key = $Key
    $global:Slept = [Collections.Generic.List[double]]::new()
    if ($JobId) { $global:PSPrivateMetadata = @{ JobId = [guid] $JobId } }
    function global:Get-AutomationVariable([string] $Name) { return $global:Key }
    function global:Start-Sleep([double] $Seconds) {
        $global:Slept.Add($Seconds)
        [Threading.Thread]::Sleep([int] (1000 * [Math]::Min($Seconds / 50, 0.2)))
    }
}

function Start-Job([hashtable] $Job) {
    $shell = [powershell]::Create()
    [void] $shell.AddScript($setup).AddArgument($Job.key).AddArgument($Job.jobId).Invoke()
    $shell.Commands.Clear()
    [void] $shell.AddCommand($Job.runbook).AddParameters($Job.parameters)
    $inputs = [Management.Automation.PSDataCollection[psobject]]::new()
    $inputs.Complete()
    $output = [Management.Automation.PSDataCollection[psobject]]::new()
    $clock = [Diagnostics.Stopwatch]::StartNew()
    $handle = $shell.BeginInvoke($inputs, $output)
    return @{ Job = $Job; Shell = $shell; Clock = $clock; Handle = $handle; Output = $output }
}

function Wait-Job([hashtable] $Running) {
    $shell = $Running.Shell
    $failure = $null
    try { [void] $shell.EndInvoke($Running.Handle) }
    catch { $failure = $_.Exception.InnerException.Message }
    $streams = $shell.Streams
    return @{
        name = $Running.Job.name
        failure = $failure
        output = @($Running.Output)
        information = @($streams.Information | ForEach-Object { "$($_.MessageData)" })
        warnings = @($streams.Warning | ForEach-Object { $_.Message })
        errors = @($streams.Error | ForEach-Object { "$_" })
        more = @($streams.Debug) + @($streams.Verbose) + @($streams.Progress) | ForEach-Object { "$_" }
        slept = @($shell.Runspace.SessionStateProxy.GetVariable('Slept'))
        seconds = $Running.Clock.Elapsed.TotalSeconds
    }
}

$all = Get-Content -Raw $Jobs | ConvertFrom-Json -AsHashtable
$ended = @()

# All runspaces share the environment, so a job that needs another one is alone.
foreach ($job in $all | Where-Object { $_.environment.Count }) {
    foreach ($name in $job.environment.Keys) {
        [Environment]::SetEnvironmentVariable($name, $job.environment[$name])
    }
    $ended += Wait-Job (Start-Job $job)
    foreach ($name in $job.environment.Keys) { [Environment]::SetEnvironmentVariable($name, $null) }
}

$running = @($all | Where-Object { -not $_.environment.Count } | ForEach-Object { Start-Job $_ })
while ($running.Clock.IsRunning -contains $true) {
    $running | Where-Object { $_.Handle.IsCompleted } | ForEach-Object { $_.Clock.Stop() }
    [Threading.Thread]::Sleep(20)
}
$ended += $running | ForEach-Object { Wait-Job $_ }
ConvertTo-Json $ended -Depth 8 | Set-Content -Path $Results
