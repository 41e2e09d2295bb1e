"""The adapters of Azure Resource Manager, over Microsoft's own clients."""
