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

It leaves out what the app cannot see, or what nobody could run:

- Functions have no keys of their own. The app does not see which key a caller has.
- Another worker starts at once. On the real host that takes about 12 s, and a test would wait.
- HOST_FLEX gives a worker five threads. On Flex Consumption it may also have 6 or 1000, and the
  setting `languageWorkers__python__arguments` has a say in it.
- The host writes no telemetry and no log of requests. It asks storage only for queues and timers.
- Azure's front end, the scale controller and the closed part of App Service Authentication are
  parts of Azure. Nobody has run them.
"""
