"""The text of CUSTOM_LISTS: the setting itself, or the blob whose URL the setting is."""

from dataclasses import dataclass

from ..domain.custom_lists import MOST_IN_SETTING, SETTING, is_url
from ..domain.errors import UnusableList
from .blobs import Blobs

MOST_BYTES = 1024 * 1024
"""The most bytes of the blob."""


@dataclass(frozen=True, slots=True)
class CustomListText:
    """Reads the lists anew each time. `setting` is None if there are none."""

    setting: str | None
    blobs: Blobs

    def read(self) -> str:
        """Return the text of all lists.

        Raise UnusableList if there is none, PermanentError if the blob cannot be read, and
        TransientError if another attempt may help.
        """
        if self.setting is None:
            raise UnusableList(f"{SETTING} is not set")
        if is_url(self.setting):
            return self._text_at(self.setting)
        if len(self.setting) > MOST_IN_SETTING:
            most = f"{MOST_IN_SETTING:,} characters"
            raise UnusableList(f"{SETTING} has more than {most}: put the lists into a blob")
        return self.setting

    def _text_at(self, url: str) -> str:
        content = self.blobs.read(url, most_bytes=MOST_BYTES).content
        try:
            return content.decode("utf-8-sig")  # some editors begin a file with a mark
        except UnicodeDecodeError:
            raise UnusableList(f"{url} is not in UTF-8") from None
