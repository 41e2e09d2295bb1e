# azd runs this before it provisions. Flex Consumption with a subnet needs a provider that is registered
# and a subnet that fits. The deployment itself would tell only after many minutes.
# It asks Azure with azd's own sign-in, because the Azure CLI signs in separately.
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$subnet = $env:INTEGRATION_SUBNET_ID
if (-not $subnet -or $env:HOSTING_PLAN -eq 'premium') {
    exit 0
}
$arm = $env:ARM_ENDPOINT ? $env:ARM_ENDPOINT : 'https://management.azure.com'
$token = (azd auth token --scope https://management.azure.com/.default --output json | ConvertFrom-Json).token
$script:wrong = 0

function Ask([string] $method, [string] $path) {
    Invoke-WebRequest -Method $method -Uri "$arm$path" -Headers @{ Authorization = "Bearer $token" } -SkipHttpErrorCheck
}

function Values($answer, [string] $field) {
    [regex]::Matches($answer.Content, "`"$field`"\s*:\s*\[*\s*`"([^`"]*)`"") | ForEach-Object { $_.Groups[1].Value }
}

function Tell([string] $text) {
    [Console]::Error.WriteLine($text)
    $script:wrong = 1
}

function Test-Subnet {
    $name = $subnet.Split('/')[-1]
    if ($name.Contains('_')) {
        Tell "The subnet $name has an underscore in its name, and Flex Consumption refuses it."
    }
    $answer = Ask GET "${subnet}?api-version=2024-05-01"
    if ($answer.StatusCode -ne 200) {
        [Console]::Error.WriteLine('You may not read the subnet. Ask somebody who may to run:')
        [Console]::Error.WriteLine("  az network vnet subnet show --ids $subnet")
        return
    }
    if (@(Values $answer 'serviceName') -notcontains 'Microsoft.App/environments') {
        Tell 'The subnet is not delegated to Microsoft.App/environments.'
    }
    $prefix = @(Values $answer 'addressPrefix(?:es)?')[0]
    if ([int] $prefix.Split('/')[1] -gt 26) {
        Tell "The subnet has the range $prefix. It must be a /26 or larger."
    }

    $network = $subnet -replace '/subnets/.*$'
    $answer = Ask GET "${network}?api-version=2024-05-01"
    if ($answer.StatusCode -eq 200) {
        $location = @(Values $answer 'location')[0]
        if ($location -ne $env:AZURE_LOCATION) {
            Tell "The subnet is in $location, and the app is in $env:AZURE_LOCATION. Both must be in one region."
        }
    }
    $subscription = $subnet -replace '/resourceGroups/.*$'
    $answer = Ask GET "$subscription/providers/Microsoft.App/managedEnvironments?api-version=2024-03-01"
    if ($answer.StatusCode -eq 200 -and @(Values $answer 'infrastructureSubnetId') -contains $subnet) {
        Tell 'Container Apps use the subnet. Flex Consumption needs one of its own.'
    }
}

function Register-Provider {
    $provider = "/subscriptions/$env:AZURE_SUBSCRIPTION_ID/providers/Microsoft.App"
    $answer = Ask GET "${provider}?api-version=2021-04-01"
    if ($answer.StatusCode -eq 200 -and @(Values $answer 'registrationState')[0] -eq 'Registered') {
        return
    }
    $answer = Ask POST "$provider/register?api-version=2021-04-01"
    if ($answer.StatusCode -eq 200) {
        Write-Output 'The provider Microsoft.App is being registered in the subscription.'
        return
    }
    Tell 'The provider Microsoft.App is not registered. Ask somebody who may to run:'
    [Console]::Error.WriteLine("  az provider register --namespace Microsoft.App --subscription $env:AZURE_SUBSCRIPTION_ID")
}

Test-Subnet
Register-Provider
exit $script:wrong
