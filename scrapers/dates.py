"""A time as people write it on a command line: from and until a day, a month or a year."""

import calendar
import re
from dataclasses import dataclass
from datetime import date

from paper_tasks.errors import InputError


@dataclass(frozen=True)
class Period:
    """Days from `since` to `until`, both included; None is no bound."""

    since: date | None = None
    until: date | None = None

    def __contains__(self, day: str) -> bool:
        """Whether `day`, YYYY-MM-DD, lies in it. A paper without a date, "", lies only in the period without bounds."""
        if not day:
            return self == Period()
        return not ((self.since and day < self.since.isoformat()) or (self.until and day > self.until.isoformat()))


def period(since: str = "", until: str = "") -> Period:
    """From the first day of `since` to the last of `until`: "2021", "2021-06", "2021-06-15" or "" for no bound.

    Raises InputError for anything else, and if the end comes before the beginning.
    """
    first = _days(since)[0] if since else None
    last = _days(until)[1] if until else None
    if first and last and last < first:
        raise InputError(f"--until {until} comes before --since {since}; exchange them.")
    return Period(first, last)


def _days(text: str) -> tuple[date, date]:
    """First and last day."""
    no_date = f"'{text}' is not a date; write 2021, 2021-06 or 2021-06-15."
    match = re.fullmatch(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?", text)
    if match is None:
        raise InputError(no_date)
    year, last_month = int(match[1]), int(match[2] or 12)
    try:
        last_day = int(match[3] or calendar.monthrange(year, last_month)[1])
        return date(year, int(match[2] or 1), int(match[3] or 1)), date(year, last_month, last_day)
    except ValueError as error:
        raise InputError(no_date) from error
