"""A Ray cluster of two hosts with a network between them, and the papers in a bucket on a third.

The hosts are network namespaces of Linux, each with an address and a loopback of its own: what leans on loopback, or on
a machine's name, fails here as it would between machines.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from tests.paper_tasks.test_cluster import local, write

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
BRIDGE = "10.77.0.1"
ADDRESSES = {"first": "10.77.0.2", "second": "10.77.0.3", "storage": "10.77.0.4"}
ENVIRONMENT = os.environ | {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "RAY_USAGE_STATS_ENABLED": "0",
    "PYTHONPATH": str(ROOT),
}
# Tags a folder in the bucket, and tells which nodes have done parts of it.
DRIVER = """
import json, sys
from paper_tasks import cluster
source, output, model, address = sys.argv[1:]
nodes = []
loading = cluster.Loading(model)
done = lambda part: nodes.append(part.node)
summary = cluster.tag_folder(source, output, loading, address=address, part_rows=100, on_done=done)
print(json.dumps({"tagged": summary.tagged, "nodes": nodes}))
"""


BOTH_THERE = """
import ray, sys
ray.init(sys.argv[1], logging_level="error")
sys.exit(sum(node["Alive"] for node in ray.nodes()) != 2)
"""


def ip(*arguments):
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


def connect(run, bridge):
    """Makes a host for each address, and a bridge to which all are connected, and this machine too."""
    ip("link", "add", bridge, "type", "bridge")
    ip("addr", "add", f"{BRIDGE}/24", "dev", bridge)
    ip("link", "set", bridge, "up")
    for number, (name, address) in enumerate(ADDRESSES.items()):
        here, there, host = f"v{run}{number}", f"w{run}{number}", f"{name}-{run}"
        ip("netns", "add", host)
        ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", host)
        ip("link", "set", here, "master", bridge, "up")
        ip("-n", host, "addr", "add", f"{address}/24", "dev", there)
        ip("-n", host, "link", "set", there, "up")
        ip("-n", host, "link", "set", "lo", "up")


@pytest.fixture(scope="module")
def hosts():
    """Runs a command on one of the hosts; `wait=False` leaves it running."""
    if find_spec("ray") is None:
        pytest.skip("needs Ray: pip install -r requirements-ray.txt")
    if sys.platform != "linux" or os.getuid() != 0 or not shutil.which("ip"):
        pytest.skip("network namespaces want Linux, root and iproute2")
    run, bridge, running = uuid4().hex[:6], f"br{uuid4().hex[:6]}", []
    try:
        try:
            connect(run, bridge)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network can be made here: {error.stderr.strip()}")

        def on(name, *command, wait=True):
            words = ["ip", "netns", "exec", f"{name}-{run}", *map(str, command)]
            if wait:
                return subprocess.run(words, check=True, capture_output=True, text=True, env=ENVIRONMENT, timeout=240)
            running.append(
                subprocess.Popen(words, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            )
            return running[-1]

        yield on
    finally:
        for name in ADDRESSES:
            host = f"{name}-{run}"
            # Ray's agents outlive it, and a host lives as long as a process of it does.
            processes = subprocess.run(["ip", "netns", "pids", host], check=False, capture_output=True, text=True)
            for process in processes.stdout.split():
                with suppress(ProcessLookupError):
                    os.kill(int(process), signal.SIGKILL)
            subprocess.run(["ip", "netns", "delete", host], check=False)
        for process in running:
            process.wait(timeout=60)
        subprocess.run(["ip", "link", "delete", bridge], check=False)


@pytest.mark.slow
def test_two_hosts_tag_what_lies_in_a_bucket_on_a_third(hosts, tmp_path):
    storage, first = f"{ADDRESSES['storage']}:5000", f"{ADDRESSES['first']}:6379"
    hosts("storage", BIN / "moto_server", "-H", "0.0.0.0", "-p", "5000", wait=False)
    bucket = fs.S3FileSystem(
        access_key="testing",
        secret_key="testing",
        scheme="http",
        endpoint_override=storage,
        allow_bucket_creation=True,
    )
    wait_for(lambda: bucket.create_dir("papers"))
    file = write(tmp_path / "a.parquet", 1200)
    with bucket.open_output_stream("papers/in/a.parquet") as stream:
        stream.write(file.read_bytes())

    node = ["--num-cpus=1", "--object-store-memory=80000000", "--disable-usage-stats", "--block"]
    head = ["--head", f"--node-ip-address={ADDRESSES['first']}", "--port=6379", "--include-dashboard=false"]
    hosts("first", BIN / "ray", "start", *head, *node, wait=False)
    joined = [BIN / "ray", "health-check", f"--address={first}"]
    wait_for(lambda: hosts("second", *joined))
    hosts(
        "second",
        BIN / "ray",
        "start",
        f"--address={first}",
        f"--node-ip-address={ADDRESSES['second']}",
        *node,
        wait=False,
    )
    wait_for(lambda: hosts("first", sys.executable, "-c", BOTH_THERE, first))

    options = f"scheme=http&endpoint_override={storage}"
    ran = hosts(
        "first",
        *(sys.executable, "-c", DRIVER),
        *(f"s3://papers/in?{options}", f"s3://papers/out?{options}"),
        *(ROOT / "deployment" / "model", first),
    )
    told = json.loads(ran.stdout.splitlines()[-1])
    assert told["tagged"] == 1176 and len(set(told["nodes"])) == 2
    names = sorted(entry.path for entry in bucket.get_file_info(fs.FileSelector("papers/out")) if "part-" in entry.path)
    assert len(names) == 12
    found = pq.ParquetDataset(names, filesystem=bucket).read()
    assert found.equals(local([file], tmp_path))


def wait_for(act, seconds=60):
    """Tries until nothing is raised."""
    end = time.monotonic() + seconds
    while True:
        try:
            return act()
        except (OSError, subprocess.SubprocessError):
            if time.monotonic() > end:
                raise
            time.sleep(0.5)
