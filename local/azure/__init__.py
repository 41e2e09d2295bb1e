"""A simulated Azure over real HTTP, built after recorded answers of the real one.

server.py               the port, and every path on it
gateway.py              Resource Manager: the order of its checks
  target.py               ARM paths, and the action of a request
  identity.py             managed identities and their tokens
  authorization.py        roles, by scope and action
  throttles.py locks.py   token buckets and quotas; management locks
  errors.py               every error, in its envelope
network.py              the behaviour that all resources of Microsoft.Network share
  resources.py            the resources themselves
  operations.py           long-running operations and their polls
  route_tables.py         rules for a route table and its routes
  virtual_networks.py     rules for a virtual network and its subnets
  security_groups.py      rules for a network security group and its security rules
service_tags.py usages.py hosting_environments.py subscriptions.py    resources to read only
resource_graph.py         Azure Resource Graph, with the one query that this project asks
events.py               the event of a write, in Event Grid's schema
event_topic.py          sends the events to a storage queue
faults.py               faults on demand, and the faults of a seed
state.py                all resources, all requests so far, and the settings of the simulation
metadata.py control.py  the cloud's endpoints; the API that controls the simulation

UNCONFIRMED marks a behaviour of the real service that is not known. The simulation then does what
makes more trouble for its callers.
"""
