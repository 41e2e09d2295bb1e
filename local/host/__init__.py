"""A Functions host on Microsoft's own worker library.

config.py   host.json and app settings
clock.py    the clock, which a test can set
worker.py   the library, which indexes and invokes functions
http.py     routes and keys
web.py      the web server below the routes
admin.py    the host's own endpoints
queues.py   listeners and output bindings
timers.py   timers
ncrontab.py schedules
server.py   all of it on one port
"""
