"""A Functions host on Microsoft's own worker library.

config.py   host.json and app settings
clock.py    the clock, which a test can set
worker.py   the library, which indexes and invokes functions
http.py     routes and keys
web.py      the web server below the routes
admin.py    the host's own endpoints
queues.py   listeners and output bindings
backoff.py  how long a listener waits
outputs.py  what an output binding sends
timers.py   timers, with their status and their lock
ncrontab.py schedules
blobs.py    the host's container in blob storage
server.py   all of it on one port
"""
