from datetime import date

import pytest

from paper_tasks.errors import InputError
from scrapers.dates import Period, period


@pytest.mark.parametrize(
    "since, until, expected",
    [
        ("", "", Period()),
        ("2021", "", Period(date(2021, 1, 1))),
        ("2021-06", "2024-02", Period(date(2021, 6, 1), date(2024, 2, 29))),
        ("2021-06-15", "2021-06-15", Period(date(2021, 6, 15), date(2021, 6, 15))),
        ("", "2021", Period(None, date(2021, 12, 31))),
    ],
)
def test_period(since, until, expected):
    assert period(since, until) == expected


@pytest.mark.parametrize(
    "text", ["21", "2021-13", "2021-02-30", "0000", "yesterday", "2021-6", "2021-06-15T00", "2021--15", "٢٠٢١-"]
)
def test_no_date(text):
    with pytest.raises(InputError, match="is not a date; write 2021, 2021-06 or 2021-06-15"):
        period(text)


def test_an_end_before_the_beginning_is_refused():
    with pytest.raises(InputError, match="--until 2020 comes before --since 2021"):
        period("2021", "2020")


def test_contains():
    assert all(day in Period() for day in ("2021-01-01", ""))
    year = period("2021", "2021")
    assert "2021-01-01" in year and "2021-12-31" in year
    assert not any(day in year for day in ("2020-12-31", "2022-01-01", ""))
