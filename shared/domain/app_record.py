"""What the app says about itself, for the command line and the pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

TRUSTED_FOR = timedelta(hours=1)
"""A process that reads other settings than the record has yields to it for so long, if the process
began earlier. Azure lets a process of the old settings go on for up to an hour.

Source: "Site update strategies in Flex Consumption".
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppRecord:
    """The settings in effect by their names, and the version of the code.

    - `read_at` is when the process that wrote the record had read its settings, and `recorded_at`
      when it wrote the record.
    - `question` is there if a command has asked whether the record still holds, and no process has
      answered yet.
    """

    settings: Mapping[str, str]
    version: str
    read_at: datetime
    recorded_at: datetime
    question: str = ""
    etag: str = ""

    def says_the_same_as(self, other: "AppRecord") -> bool:
        return (self.settings, self.version) == (other.settings, other.version)

    def is_old(self, now: datetime) -> bool:
        """A clock that ran ahead may have written it, so a time in the future is no better."""
        return abs(now - self.recorded_at) >= TRUSTED_FOR

    def is_to_be_replaced_by(self, own: "AppRecord", now: datetime) -> bool:
        """Say whether a process that would write `own` has to write it over this record.

        | the record      | the process                                             |
        |-----------------|---------------------------------------------------------|
        | is old          | writes                                                  |
        | says the same   | writes if it is asked a question                        |
        | says otherwise  | writes if it read its settings later, and yields if not |

        So a process of the old settings does not write over the new ones while both go on, and
        nobody can make the app write each time.
        """
        if self.is_old(now):
            return True
        if self.says_the_same_as(own):
            return bool(self.question)
        return own.read_at >= self.read_at
