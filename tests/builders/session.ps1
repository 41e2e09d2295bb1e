<#
.SYNOPSIS
Run one script after the other. Each is a line of JSON, and so is what it came to.

.DESCRIPTION
Each script has an environment and a runspace of its own, as if it had a process of its own.
#>
$ErrorActionPreference = 'Stop'
$answers = [Console]::Out

while ($null -ne ($line = [Console]::In.ReadLine())) {
    $asked = ConvertFrom-Json $line -AsHashtable
    foreach ($name in @([Environment]::GetEnvironmentVariables().Keys)) {
        [Environment]::SetEnvironmentVariable($name, $null)
    }
    foreach ($name in $asked.environment.Keys) {
        [Environment]::SetEnvironmentVariable($name, $asked.environment[$name])
    }

    $output, $errors = [IO.StringWriter]::new(), [IO.StringWriter]::new()
    [Console]::SetOut($output)
    [Console]::SetError($errors)
    $shell = [powershell]::Create()
    try {
        # Another program sets LASTEXITCODE as well, but only an exit of the script itself counts.
        $text = "& '$($asked.script)'; if (`$?) { `$global:LASTEXITCODE = 0 }"
        $shell.AddScript($text).Invoke() | ForEach-Object { $output.WriteLine($_) }
        $status = $shell.Runspace.SessionStateProxy.GetVariable('LASTEXITCODE') ?? 0
    }
    catch {
        $errors.WriteLine($_)
        $status = 1
    }
    $shell.Streams.Warning | ForEach-Object { $output.WriteLine("WARNING: $_") }
    $shell.Streams.Information | ForEach-Object { $output.WriteLine($_) }
    $shell.Streams.Error | ForEach-Object { $errors.WriteLine($_) }
    $shell.Dispose()

    $answer = @{ returncode = $status; stdout = "$output"; stderr = "$errors" }
    $answers.WriteLine((ConvertTo-Json $answer -Compress))
    $answers.Flush()
}
