"""A simulated Azure over real HTTP, after recorded answers of the real one.

state.py what stands and what was asked, route_tables.py its rules, service_tags.py the Discovery
API, identity.py the managed identity endpoint, control.py what the workbench asks of it,
server.py all of it on a port.
"""
