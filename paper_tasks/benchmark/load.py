"""Many people at one door at once: `python -m paper_tasks.benchmark.load --door web --users 50 --seconds 60`.

The doors are `web`, the Flask page's API, and `gradio`, the app's. Starts the program as people do, on loopback, and
writes what it saw into results/load_web.json or results/load_gradio.json.
"""

import argparse
import json
import os
import statistics
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import httpx
import psutil

from paper_tasks.export.local_server import free_port, start, wait_until_up
from paper_tasks.paths import CHECKOUT as ROOT

LABELS = json.loads((ROOT / "json_files" / "task_types_encoded.json").read_text(encoding="utf-8"))
# Each its own, so that the answer to one cannot pass for the answer to another.
PAPERS = [
    (f"On {label}", f"We come back to {label.lower()} with less data than others need, and tell where it fails.")
    for label in LABELS
]


class Answer(NamedTuple):
    """What came back: the tasks, or None and for how many seconds the asker was told to stay away."""

    tasks: Any
    seconds_away: float = 0.0


class Door(NamedTuple):
    """How a door is started, at the port that comes last, and how it is asked for a (title, abstract)."""

    command: tuple[str, ...]
    ask: Callable[[httpx.Client, str, tuple[str, str]], Answer]


def ask_web(client: httpx.Client, url: str, paper: tuple[str, str]) -> Answer:
    """The API of the Flask page. Raises httpx.HTTPError for anything but an answer or a stated 503."""
    response = client.post(f"{url}/api/tasks", json=dict(zip(("title", "abstract"), paper, strict=True)))
    if response.status_code == 503 and "Retry-After" in response.headers:
        return Answer(None, float(response.headers["Retry-After"]))
    return Answer(response.raise_for_status().json()["tasks"])


def ask_gradio(client: httpx.Client, url: str, paper: tuple[str, str]) -> Answer:
    """The app's /tag: a question, and then its answer. Raises httpx.HTTPError as `ask_web` does."""
    call = f"{url}/gradio_api/call/tag"
    question = client.post(call, json={"data": paper})
    if question.status_code == 503 and "Retry-After" in question.headers:
        return Answer(None, float(question.headers["Retry-After"]))
    answer = client.get(f"{call}/{question.raise_for_status().json()['event_id']}").raise_for_status()
    # Server-sent events; before the last there may be others that tell that the line moves.
    event, data = answer.text.strip().rpartition("event: ")[2].split("\n", 1)
    if event != "complete":
        raise httpx.RemoteProtocolError(f"The answer is '{event}'.")
    return Answer(json.loads(data.removeprefix("data: "))[0])


DOORS = {
    "web": Door(("-m", "deployment.web", "--port"), ask_web),
    "gradio": Door(("-m", "deployment.app", "--port"), ask_gradio),
}


def crowd(door: Door, url: str, users: int, seconds: float, papers: list[tuple[str, str]] = PAPERS) -> dict[str, Any]:
    """Lets `users` people ask one paper after another for `seconds`, each answer compared with a quiet hour's.

    Raises ValueError if two papers have one answer, by which a mix-up could not be told.
    """
    with httpx.Client(timeout=120) as client:
        expected = [door.ask(client, url, paper).tasks for paper in papers]
    kept = [place for place, tasks in enumerate(expected) if tasks and expected.count(tasks) == 1]
    if len(kept) < users:
        raise ValueError(f"Only {len(kept)} papers have an answer of their own, for {users} users.")
    end = time.monotonic() + seconds

    def visit(user: int) -> tuple[Counter, list[float]]:
        seen, milliseconds, turn = Counter(), [], user
        with httpx.Client(timeout=120) as client:
            while time.monotonic() < end:
                place, started = kept[turn % len(kept)], time.perf_counter()
                turn += 1
                try:
                    answer = door.ask(client, url, papers[place])
                except httpx.HTTPError as error:
                    seen["errors"] += 1
                    seen[f"error: {type(error).__name__} {error}"] += 1
                    continue
                if answer.tasks is None:
                    seen["told_to_come_back"] += 1
                    time.sleep(min(answer.seconds_away, max(0.0, end - time.monotonic())))
                    continue
                milliseconds.append(1000 * (time.perf_counter() - started))
                seen["answered"] += 1
                seen["mixed_up"] += answer.tasks != expected[place]
        return seen, milliseconds

    with ThreadPoolExecutor(users) as pool:
        visits = list(pool.map(visit, range(users)))
    counts = sum((seen for seen, _ in visits), Counter())
    times = sorted(each for _, milliseconds in visits for each in milliseconds)
    return {
        "users": users,
        "seconds": seconds,
        "requests": counts["answered"] + counts["told_to_come_back"] + counts["errors"],
        "answered": counts["answered"],
        "told_to_come_back": counts["told_to_come_back"],
        "errors": counts["errors"],
        "mixed_up": counts["mixed_up"],
        "error_kinds": {name: count for name, count in counts.items() if name.startswith("error: ")},
        "p50_ms": round(statistics.median(times)),
        "p95_ms": round(times[int(0.95 * (len(times) - 1))]),
    }


def main() -> None:
    """Measures one door, and writes results/load_DOOR.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--door", choices=DOORS, required=True)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    door, port = DOORS[options.door], free_port()
    log = ROOT / "build" / f"load_{options.door}.log"
    log.parent.mkdir(exist_ok=True)
    with log.open("w", encoding="utf-8") as errors:
        process = start([*door.command, str(port)], ROOT, stderr=errors)
        url = f"http://127.0.0.1:{port}"
        wait_until_up(process, url)
        server = psutil.Process(process.pid)
        # The first crowd fills what is filled once: threads, connections, caches, the sessions that Gradio remembers.
        crowd(door, url, options.users, 20, PAPERS[: 2 * options.users])
        before = server.memory_info().rss
        figures = crowd(door, url, options.users, options.seconds)
        figures |= {
            "memory_start_mb": round(before / 1e6),
            "memory_end_mb": round(server.memory_info().rss / 1e6),
            "cores": len(os.sched_getaffinity(0)),
        }
        process.terminate()
        process.wait(timeout=30)
    path = ROOT / "results" / f"load_{options.door}.json"
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
