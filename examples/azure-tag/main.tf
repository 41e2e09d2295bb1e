# A route table that registers itself with ASE Route Sync: the app's daily check reads the Azure tag
# aseRouteSync. docs/azure-tags.md says which values the tag may have.

terraform {
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 4.0"
    }
  }
}

variable "resource_group_name" {
  type = string
}

variable "location" {
  type = string
}

variable "firewall_address" {
  description = "The private address of the firewall."
  type        = string
}

resource "azurerm_route_table" "databricks" {
  name                = "rt-databricks"
  resource_group_name = var.resource_group_name
  location            = var.location

  tags = {
    aseRouteSync = "databricks"
  }

  # The app writes routes into this table, and Terraform must leave them there.
  lifecycle {
    ignore_changes = [route]
  }
}

resource "azurerm_route" "default" { # your own routes: one resource each
  name                   = "default-via-firewall"
  resource_group_name    = var.resource_group_name
  route_table_name       = azurerm_route_table.databricks.name
  address_prefix         = "0.0.0.0/0"
  next_hop_type          = "VirtualAppliance"
  next_hop_in_ip_address = var.firewall_address
}
