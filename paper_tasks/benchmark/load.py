"""Many users at once at a front end: do all get an answer, is it the answer to their question, and how fast?"""

import itertools
import json
import os
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil

from paper_tasks.benchmark.options import LoadOptions
from paper_tasks.errors import InputError
from paper_tasks.export.local_server import HOST, free_port, start, wait_until_up
from paper_tasks.io import atomic
from paper_tasks.paths import CHECKOUT, JSON_FILES

Paper = tuple[str, str]
Tags = list[dict[str, Any]]
# Seconds of the warm-up, of the longest wait for an answer, and of the longest wait for the end of the program.
WARM_UP, ANSWER, END = 20.0, 120.0, 30.0


class Answer(NamedTuple):
    """The tags of a paper; or None, and the seconds after which the server asks to try again."""

    tags: Tags | None
    retry_after: float = 0.0


class FrontEnd(NamedTuple):
    """A program that serves users.

    Attributes:
        arguments: what starts it, with the number of its port added at the end.
        ask: tags a paper at the server's address.
    """

    arguments: tuple[str, ...]
    ask: Callable[[httpx.Client, str, Paper], Answer]


def ask_web(client: httpx.Client, url: str, paper: Paper) -> Answer:
    """Asks the API of the Flask page. Raises httpx.HTTPError for all but an answer, or a 503 with Retry-After."""
    response = client.post(f"{url}/api/tasks", json=dict(zip(("title", "abstract"), paper, strict=True)))
    if response.status_code == 503 and "Retry-After" in response.headers:
        return Answer(None, float(response.headers["Retry-After"]))
    return Answer(response.raise_for_status().json()["tasks"])


def ask_gradio(client: httpx.Client, url: str, paper: Paper) -> Answer:
    """Asks the app's /tag. Raises httpx.HTTPError as `ask_web` does."""
    call = f"{url}/gradio_api/call/tag"
    question = client.post(call, json={"data": paper})
    if question.status_code == 503 and "Retry-After" in question.headers:
        return Answer(None, float(question.headers["Retry-After"]))
    answer = client.get(f"{call}/{question.raise_for_status().json()['event_id']}").raise_for_status()
    # Server-sent events: those before the last report the position in the queue.
    event, data = answer.text.strip().rpartition("event: ")[2].split("\n", 1)
    if event != "complete":
        raise httpx.RemoteProtocolError(f"The answer is '{event}'.")
    return Answer(json.loads(data.removeprefix("data: "))[0])


FRONT_ENDS = {
    "web": FrontEnd(("-m", "deployment.web", "--port"), ask_web),
    "gradio": FrontEnd(("-m", "deployment.app", "--port"), ask_gradio),
}


def different_papers() -> list[Paper]:
    """A paper on each task: most have an answer of their own, which cannot be mistaken for another's."""
    labels = json.loads((JSON_FILES / "task_types_encoded.json").read_text(encoding="utf-8"))
    abstract = "We come back to {} with less data than others need, and tell where it fails."
    return [(f"On {label}", abstract.format(label.lower())) for label in labels]


def measure(name: str, options: LoadOptions, output: Path) -> dict[str, Any]:
    """Starts a front end on loopback, simulates users, and writes `load_NAME.json` to `output`.

    Raises InputError if the front end does not start.
    """
    front_end, port, papers = FRONT_ENDS[name], free_port(), different_papers()
    log = CHECKOUT / "build" / f"load_{name}.log"
    log.parent.mkdir(exist_ok=True)
    url = f"http://{HOST}:{port}"
    with log.open("w", encoding="utf-8") as errors:
        process = start([*front_end.arguments, str(port)], CHECKOUT, stderr=errors)
        try:
            wait_until_up(process, url)
            server = psutil.Process(process.pid)
            # The warm-up fills what is filled once: threads, connections, caches, the sessions that Gradio keeps.
            simulate_users(front_end, url, options.users, WARM_UP, papers[: 2 * options.users])
            memory = [server.memory_info().rss]
            figures = simulate_users(front_end, url, options.users, options.seconds, papers)
            memory.append(server.memory_info().rss)
        finally:
            process.terminate()
            process.wait(timeout=END)
    start_mb, end_mb = (round(resident / 1e6) for resident in memory)
    figures |= {"memory_start_mb": start_mb, "memory_end_mb": end_mb, "cores": len(os.sched_getaffinity(0))}
    output.mkdir(parents=True, exist_ok=True)
    atomic.write_json(output / f"load_{name}.json", figures)
    return figures


def simulate_users(
    front_end: FrontEnd, url: str, users: int, seconds: float, papers: Sequence[Paper]
) -> dict[str, Any]:
    """Lets `users` ask one paper after another for some seconds, and compares each answer with that of a quiet server.

    Raises InputError if too few papers have an answer of their own: a mixed-up answer could not be noticed.
    """
    with httpx.Client(timeout=ANSWER) as client:
        expected = [front_end.ask(client, url, paper).tags for paper in papers]
    distinct = [index for index, tags in enumerate(expected) if tags and expected.count(tags) == 1]
    if len(distinct) < users:
        raise InputError(f"Only {len(distinct)} papers have an answer of their own, for {users} users; use fewer.")
    end = time.monotonic() + seconds

    def visit(user: int) -> tuple[Counter[str], list[float]]:
        """What one user saw, and the milliseconds of each answer."""
        seen: Counter[str] = Counter()
        milliseconds = []
        with httpx.Client(timeout=ANSWER) as client:
            for turn in itertools.count(user):
                # Everybody asks at least once.
                if turn > user and time.monotonic() >= end:
                    break
                index, started = distinct[turn % len(distinct)], time.perf_counter()
                try:
                    answer = front_end.ask(client, url, papers[index])
                except httpx.HTTPError as error:
                    seen["errors"] += 1
                    seen[f"error: {type(error).__name__} {error}"] += 1
                    continue
                if answer.tags is None:
                    seen["asked_to_retry"] += 1
                    time.sleep(min(answer.retry_after, max(0.0, end - time.monotonic())))
                    continue
                milliseconds.append(1000 * (time.perf_counter() - started))
                seen["answered"] += 1
                seen["mixed_up"] += answer.tags != expected[index]
        return seen, milliseconds

    with ThreadPoolExecutor(users) as pool:
        visits = list(pool.map(visit, range(users)))
    counts = sum((seen for seen, _ in visits), Counter[str]())
    times = sorted(each for _, milliseconds in visits for each in milliseconds)
    return {
        "users": users,
        "seconds": seconds,
        "requests": counts["answered"] + counts["asked_to_retry"] + counts["errors"],
        "answered": counts["answered"],
        "asked_to_retry": counts["asked_to_retry"],
        "errors": counts["errors"],
        "mixed_up": counts["mixed_up"],
        "error_kinds": {name: count for name, count in counts.items() if name.startswith("error: ")},
        "p50_ms": round(statistics.median(times)) if times else None,
        "p95_ms": round(times[int(0.95 * (len(times) - 1))]) if times else None,
    }
