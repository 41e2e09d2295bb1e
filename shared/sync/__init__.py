"""The use cases, over ports: what they need of Azure and of storage is a Protocol each."""
