"""Azure Resource Manager, by Microsoft's own clients."""
