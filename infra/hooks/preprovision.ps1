# azd runs this before it provisions, because the deployment itself would tell only after many minutes:
# - Flex Consumption with a subnet needs a provider that is registered and a subnet that fits.
# - A subscription can have one Event Grid system topic only. The deployment gets the id of one that is
#   there: azd reads its variables again after a hook (Azure/azure-dev#1667).
# It asks Azure with azd's own sign-in, because the Azure CLI signs in separately.
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$app = $env:AZURE_SUBSCRIPTION_ID
if (-not $app) {
    # `azd up` asks for the subscription before this hook, and `azd provision` after it (Azure/azure-dev#3745).
    Write-Output 'azd does not know the subscription yet, so neither the subnet nor the system topics are checked.'
    Write-Output 'If you want that, stop here and run: azd env set AZURE_SUBSCRIPTION_ID SUBSCRIPTION'
    exit 0
}
$subnet = $env:HOSTING_PLAN -eq 'premium' ? '' : $env:INTEGRATION_SUBNET_ID
$watched = @()
if ($env:RESOURCE_EVENTS -ne 'false') {
    $watched = @("$env:WATCHED_SUBSCRIPTION_IDS".ToLower() -split '[, ]+' | Where-Object { $_ } | Sort-Object -Unique)
    if (-not $watched) {
        $watched = @($app)
    }
}
if (-not $subnet -and -not $watched) {
    exit 0
}

$arm = switch -Regex ("$env:AZURE_LOCATION") {
    '^usgov|^usdod' { 'https://management.usgovcloudapi.net' }
    '^china' { 'https://management.chinacloudapi.cn' }
    default { 'https://management.azure.com' }
}
$arm = $env:ARM_ENDPOINT ? $env:ARM_ENDPOINT : $arm
$token = (azd auth token --output json | ConvertFrom-Json).token
$script:wrong = 0

function Ask([string] $method, [string] $path) {
    Invoke-WebRequest -Method $method -Uri "$arm$path" -Headers @{ Authorization = "Bearer $token" } -SkipHttpErrorCheck
}

function Values($answer, [string] $field) {
    [regex]::Matches($answer.Content, "`"$field`"\s*:\s*\[*\s*`"([^`"]*)`"") | ForEach-Object { $_.Groups[1].Value }
}

function Say([string[]] $lines) {
    $lines | ForEach-Object { [Console]::Error.WriteLine($_) }
}

function Tell([string[]] $lines) {
    Say $lines
    $script:wrong = 1
}

function Get-ProviderState([string] $namespace, [string] $subscription) {
    $answer = Ask GET "/subscriptions/$subscription/providers/${namespace}?api-version=2021-04-01"
    if ($answer.StatusCode -eq 200) {
        return @(Values $answer 'registrationState')[0]
    }
    return ''
}

function Register-Provider([string] $namespace, [string] $subscription) {
    $answer = Ask POST "/subscriptions/$subscription/providers/$namespace/register?api-version=2021-04-01"
    if ($answer.StatusCode -eq 200) {
        [Console]::WriteLine("The provider $namespace is being registered in the subscription $subscription.")
        return $true
    }
    Say "The provider $namespace is not registered. Ask somebody who may to run:", `
        "  az provider register --namespace $namespace --subscription $subscription"
    return $false
}

function Test-Subnet {
    $name = $subnet.Split('/')[-1]
    if ($name.Contains('_')) {
        Tell "The subnet $name has an underscore in its name, and Flex Consumption refuses it."
    }
    $answer = Ask GET "${subnet}?api-version=2024-05-01"
    if ($answer.StatusCode -ne 200) {
        Say 'You may not read the subnet. Ask somebody who may to run:', "  az network vnet subnet show --ids $subnet"
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

# It returns the id of the subscription's topic and the answer about it, or $false if you may not read it.
function Find-Topic([string] $subscription) {
    $next = "/subscriptions/$subscription/providers/Microsoft.EventGrid/systemTopics?api-version=2022-06-15"
    while ($next) {
        $page = Ask GET $next
        if ($page.StatusCode -ne 200) {
            return $false
        }
        $next = @(Values $page 'nextLink') -replace '\\u0026', '&' -replace '^[a-z]*://[^/]*' | Select-Object -First 1
        if (@(Values $page 'source') -notcontains "/subscriptions/$subscription") {
            continue
        }
        foreach ($id in @(Values $page 'id') -match '/systemTopics/') {
            $answer = Ask GET "${id}?api-version=2022-06-15"
            if ($answer.StatusCode -eq 200 -and @(Values $answer 'source') -contains "/subscriptions/$subscription") {
                return $id, $answer
            }
        }
    }
}

function Test-Identity([string] $id, $answer, [string] $subscription) {
    $name = $id.Split('/')[-1]
    $types = @(Values $answer 'type') -join ' '
    if ($types.Contains('SystemAssigned')) {
        return
    }
    $add = "eventgrid system-topic update --subscription $subscription --resource-group $($id.Split('/')[4]) --name $name --identity systemassigned"
    if ($types.Contains('UserAssigned')) {
        $add = "resource update --ids $id --set identity.type='SystemAssigned, UserAssigned'"
    }
    Tell "The system topic $name has no system-assigned identity. Ask its owner to run:", "  az $add"
}

function Send-Topics {
    $name = @("$env:AZURE_ENV_NAME" -split '[_.()-]' | Where-Object { $_ }) -join '-'
    $group = "$($env:RESOURCE_GROUP_NAME ? $env:RESOURCE_GROUP_NAME : "rg-$name")-drift"
    $found = foreach ($subscription in $watched) {
        $state = Get-ProviderState Microsoft.EventGrid $subscription
        if ($state -and $state -ne 'Registered') {
            # There can be no topic. The deployment itself also registers the provider, if you may.
            $null = Register-Provider Microsoft.EventGrid $subscription
            continue
        }
        $id, $answer = Find-Topic $subscription
        if ($id -is [bool]) {
            Say "You may not read the system topics of $subscription. Ask somebody who may to run:", `
                "  az eventgrid system-topic list --subscription $subscription --query `"[?source=='/subscriptions/$subscription'].id`"", `
                'If there is one, run: azd env set SYSTEM_TOPIC_IDS ID'
            "$env:SYSTEM_TOPIC_IDS" -split '[, ]+' | Where-Object { $_ -like "/subscriptions/$subscription/*" }
            continue
        }
        if ($id -and $id -ne "/subscriptions/$subscription/resourceGroups/$group/providers/Microsoft.EventGrid/systemTopics/egst-$name") {
            Test-Identity $id $answer $subscription
            $id
        }
    }

    $ids = @($found) -join ','
    if ($ids -ne "$env:SYSTEM_TOPIC_IDS") {
        Write-Output "System topics that are there already, and that the deployment uses: $($ids ? $ids : 'none')"
        azd env set "SYSTEM_TOPIC_IDS=$ids"
    }
}

if ($subnet) {
    Test-Subnet
    if ((Get-ProviderState Microsoft.App $app) -ne 'Registered' -and -not (Register-Provider Microsoft.App $app)) {
        $script:wrong = 1
    }
}
if ($watched) {
    Send-Topics
}
exit $script:wrong
