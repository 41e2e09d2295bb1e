"""`doctor`: what stands in the way of a sync, and what to do about each."""

from .options import Json


def doctor(as_json: Json = False) -> None:
    """Look at all that a sync needs, and say what is wrong.

    It looks at the settings, the network (name, TCP, TLS, through the proxy), the clock, the
    identity, storage, queues, service tags, and the permissions on each registered route table and
    environment, and says what to do about each fault. Nothing is changed.
    """
    from .. import doctor

    doctor.examine(as_json=as_json)
