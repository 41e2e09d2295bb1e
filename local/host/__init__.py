"""A Functions host on Microsoft's own worker library.

config.py           host.json and app settings
clock.py            the clock, which a test can set
http.py             routes and keys
web.py              the web server below the routes
admin.py            the host's own endpoints
queues.py           listeners and output bindings
backoff.py          how long a listener waits
outputs.py          what an output binding sends
timers.py           timers, with their status and their lock
ncrontab.py         schedules
blobs.py            the host's container in blob storage
dispatcher.py       sends invocations to the worker, ends what takes too long, replaces the worker
worker.py           a worker process as the host sees it
keeper.py           starts worker processes
wire.py             the messages between host and worker
records.py          log records, and which of them arrive
worker_process.py   the library in its process, which indexes and invokes functions
server.py           all of it on one port
"""
