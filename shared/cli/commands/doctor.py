"""`doctor`: look for everything that prevents a sync."""

from .options import Json


def doctor(as_json: Json = False) -> None:
    """Check everything that a sync needs, and say what is wrong.

    It checks the settings, the network (name, TCP, TLS, through the proxy), the clock, the
    identity, storage, queues, service tags, and the permissions on each registered route table and
    environment. It lets the app confirm its settings. It says what to do about each fault, and
    changes nothing.
    """
    from .. import doctor

    doctor.examine(as_json=as_json)
