"""A simulated Azure over real HTTP, after recorded answers of the real one.

server.py               the port, and every path on it
gateway.py              Resource Manager: the order of its checks
  target.py               what a path names, and the action that a request on it is
  identity.py             managed identities and their tokens
  authorization.py        roles, by scope and action
  throttles.py locks.py   token buckets and quotas; management locks
  errors.py               every error, in its envelope
network.py              what all resources of Microsoft.Network have in common
  resources.py            what can stand there
  operations.py           long-running operations and their polls
  route_tables.py         rules of a route table and its routes
  virtual_networks.py     rules of a virtual network and its subnets
  security_groups.py      rules of a network security group and its rules
service_tags.py usages.py hosting_environments.py subscriptions.py    what is only read
faults.py               what can be made to go wrong, and the faults of a seed
state.py                what stands, what was asked, how it is to behave
metadata.py control.py  the cloud's endpoints; what the workbench asks of it

UNCONFIRMED marks what is not known of the real service: the harsher behaviour was chosen.
"""
