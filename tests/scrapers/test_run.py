import io
import re
import time

import pytest
from tqdm import tqdm

from paper_tasks.errors import InputError
from scrapers.dates import Period, period
from scrapers.run import Expected, NothingCame, Skipped, collect, forget_problems, problems_path
from scrapers.schema import Paper, Problem, read_papers, read_problems


@pytest.fixture
def output(tmp_path):
    return tmp_path / "papers.csv"


def paper(number, **changes):
    return Paper(f"u{number}", f"Paper {number}", "a", **changes)


def test_papers_problems_and_what_was_passed_over(output):
    problem = Problem("u9", "the page has no title (h1)", "https://x/9")
    items = [Expected(9), paper(1), paper(1), Skipped("spam"), problem, paper(2, date="2020-01-01")]
    summary = collect(items, output, Period())
    assert [row.title for row in read_papers(output)] == ["Paper 1", "Paper 2"]
    assert problems_path(output).name == "papers.problem_urls.csv" and read_problems(problems_path(output)) == [problem]
    assert summary.table(output).split("\n") == [
        f"        2  papers in {output}",
        "        1  left out: came before",
        "        1  left out: spam",
        "        1  failed",
        "            1  the page has no title (h1)",
        f"{problems_path(output)} has each of them.",
    ]


def test_period(output):
    dates = ["2019-12-31", "2020-01-01", "2020-12-31", "2021-01-01", ""]
    summary = collect([paper(date, date=date) for date in dates], output, period("2020", "2020"))
    assert [row.date for row in read_papers(output)] == dates[1:3]
    assert summary.skipped == {"of another time": 3}


@pytest.mark.parametrize(
    "items, shown",
    [
        ([Problem("u", "r"), Expected(2), paper(1), paper(2), Expected(1), paper(1)], "4/4"),
        ([Expected(9), Problem("u", "9 papers did not come"), Expected(1), paper(1)], "2/2"),
        ([Expected(0), paper(1), paper(2), Expected(3), paper(3)], "3/5"),
        ([Expected(1), paper(1), Expected(0), paper(2)], "2 papers"),
    ],
)
def test_progress_over_several_lists(output, monkeypatch, items, shown):
    """One source may fail, another may not say its length."""
    terminal = io.StringIO()
    monkeypatch.setattr("scrapers.run.tqdm", lambda **options: tqdm(**options | {"disable": False, "file": terminal}))
    collect(items, output, Period())
    assert f" {shown} [" in terminal.getvalue().split("\r")[-1]


def test_limit_takes_no_more_than_it_needs(output):
    def items():
        yield from map(paper, range(3))
        raise AssertionError("one too many was asked for")

    assert collect(items(), output, Period(), limit=3).papers == 3


def test_a_run_without_problems_removes_the_old_table(output):
    collect([paper(1), Problem("u", "r")], output, Period())
    assert problems_path(output).exists()
    collect([paper(1)], output, Period())
    assert not problems_path(output).exists()


def test_a_source_that_gives_nothing_any_more_costs_no_papers(output):
    collect([paper(1)], output, Period())
    with pytest.raises(NothingCame, match=r"No paper came \(HTTP 503\); .*papers.csv is as it was\."):
        collect([Problem("u", "HTTP 503")], output, Period())
    assert [row.title for row in read_papers(output)] == ["Paper 1"]
    assert read_problems(problems_path(output)) == [Problem("u", "HTTP 503")]


def test_the_table_of_problems_goes_after_the_papers_have_come(output, monkeypatch):
    collect([paper(1), Problem("u", "r")], output, Period())

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("paper_tasks.io.atomic.os.fsync", full)
    with pytest.raises(InputError, match="No space left"):
        collect([paper(1)], output, Period())
    assert problems_path(output).exists()


def test_a_retry_that_is_killed_and_started_again_asks_once(httpserver, base, client, output):
    httpserver.expect_request("/p").respond_with_data("x")
    client.get(f"{base}/p", bytes)
    collect([paper(1), Problem("u", "r", f"{base}/p"), Problem("v", "never fetched")], output, Period())
    time.sleep(0.2)
    for _ in range(3):
        forget_problems(client, output)
        client.get(f"{base}/p", bytes)
    assert client.fetched == 2


def test_problems_survive_any_text(output):
    problems = [Problem("u,\n", '"r"\r\n', "ü")]
    collect([paper(1), *problems], output, Period())
    assert read_problems(problems_path(output)) == problems


def test_many_reasons_are_summed_up(output):
    summary = collect([paper(1), *(Problem("u", f"reason {number}") for number in range(12))], output, Period())
    assert "and 2 other reasons" in summary.table(output)


@pytest.mark.parametrize(
    "items, reason",
    [
        ([], "nothing matches"),
        ([Skipped("spam"), Skipped("not selected"), Skipped("not selected")], "left out: not selected"),
        ([Skipped("spam"), Problem("u", "HTTP 503")], "HTTP 503"),
    ],
)
def test_no_papers_at_all(output, items, reason):
    with pytest.raises(NothingCame, match=re.escape(f"No paper came ({reason}); {output} is as it was.")):
        collect(items, output, Period())
    assert not output.exists()
    before = [paper(1), Problem("v", "r")]
    collect(before, output, Period())
    with pytest.raises(NothingCame):
        collect(items, output, Period())
    assert [row.title for row in read_papers(output)] == ["Paper 1"] and problems_path(output).exists()
