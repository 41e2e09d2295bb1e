"""Proof under faults: schedules of versions, edits, faults and workers, every state looked at.

world.py      what there is, and what may happen to it
workers.py    deliveries of messages: killed at any call, or two at once in any order of calls
watch.py      what must hold in every state that the simulated Azure is ever in
machine.py    the rules by which hypothesis draws schedules
mutants.py    planted bugs, each of which a schedule must find
__main__.py run.py   `make chaos`
"""
