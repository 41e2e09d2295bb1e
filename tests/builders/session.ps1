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
        $shell.AddCommand($asked.script).Invoke() | ForEach-Object { $output.WriteLine($_) }
        $status = $shell.Runspace.SessionStateProxy.GetVariable('LASTEXITCODE') ?? 0
    }
    catch {
        $errors.WriteLine($_)
        $status = 1
    }
    $shell.Streams.Error | ForEach-Object { $errors.WriteLine($_) }
    $shell.Dispose()

    $answer = @{ returncode = $status; stdout = "$output"; stderr = "$errors" }
    $answers.WriteLine((ConvertTo-Json $answer -Compress))
    $answers.Flush()
}
