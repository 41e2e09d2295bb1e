"""`open`: where the dashboard is."""

from .options import Json


def open_(as_json: Json = False) -> None:
    """Print the address of the dashboard, and say how to get in. No browser is opened."""
    from .. import opening

    opening.show_address(as_json=as_json)
