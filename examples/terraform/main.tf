# A module that starts a run of ASE Route Sync after an apply, waits for it, and fails the apply if the
# run fails. Copy this file and start-run.sh of ../shell/ into a folder of your own:
#
#   module "route_sync" {
#     source    = "./modules/route-sync"
#     url       = "https://NAME.azurewebsites.net"
#     app_id    = "CLIENT_ID"
#     key_vault = "VAULT"
#     triggers  = [azurerm_route_table.ase, azurerm_subnet_route_table_association.ase]
#   }
#
# terraform_data runs its command in an apply only, and only if a trigger has changed. The data source
# "http" would call the app in each plan, and the provider "restapi" would keep the key in the state.
# Neither waits for the run.
terraform {
  required_version = ">= 1.4"
}

variable "url" {
  description = "URL of the app, or of the gateway in front of it."
  type        = string
}

variable "app_id" {
  description = "Client id of the app registration of ASE Route Sync."
  type        = string
}

variable "key_vault" {
  description = "Name of the Key Vault with the secret route-sync-terraform, a host key."
  type        = string
}

variable "triggers" {
  description = "What the run is about. If one of these changes, the apply starts a run."
  type        = any
}

variable "body" {
  description = "The body of POST /api/sync. Without it, the run is for all route tables."
  type        = any
  default     = { reason = "terraform apply" }
}

resource "terraform_data" "run" {
  triggers_replace = var.triggers

  # The key and the token are read in the apply, so neither is in the plan or in the state.
  provisioner "local-exec" {
    interpreter = ["bash", "-euo", "pipefail", "-c"]
    command     = <<-EOT
      export TOKEN_FILE=$(mktemp)
      trap 'rm -f "$TOKEN_FILE"' EXIT
      az account get-access-token --resource "api://$APP_ID" --query accessToken --output tsv > "$TOKEN_FILE"
      az keyvault secret show --vault-name "$KEY_VAULT" --name route-sync-terraform --query value --output tsv |
        "$SCRIPT" "$URL" "$BODY"
    EOT
    environment = {
      SCRIPT    = "${path.module}/start-run.sh"
      URL       = var.url
      APP_ID    = var.app_id
      KEY_VAULT = var.key_vault
      BODY      = jsonencode(var.body)
    }
  }
}
