"""The two clients that an object store may be asked through, and what a store in a bucket costs against a folder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from acc_assets.storage import ArtifactFolder, Store
from benchmarks.records import Record, record

# Of the 240 files (121.5 MB) of a trained node of gm_vae, every eighth by size.
SIZES = (
    22,
    822,
    2_360,
    12_377,
    14_763,
    15_817,
    16_670,
    16_847,
    17_758,
    19_674,
    21_807,
    23_119,
    24_417,
    68_960,
)
SIZES = (*SIZES, 69_046, 71_870, 72_262, 73_137, 73_492, 75_377, 305_203, *[1_280_534] * 3, *[1_320_534] * 3)
SIZES = (*SIZES, *[1_642_586] * 2, 2_400_518)
EVENTS = 200


def object_store(rounds: int, threads: int) -> Iterator[Record]:
    """Both clients put, read and list the same files; then both stores commit, read and log the same."""
    with _server() as endpoint:
        yield from _clients(endpoint, rounds)
        yield from _stores(rounds)


def _clients(endpoint: str, rounds: int) -> Iterator[Record]:
    try:
        import s3fs
    except ModuleNotFoundError as error:
        raise RuntimeError("s3fs is not installed; pip install s3fs") from error
    import obstore
    from obstore.store import from_url

    ours: Any = from_url("s3://bench", client_options={"allow_http": True})
    theirs = s3fs.S3FileSystem(endpoint_url=endpoint, use_listings_cache=False)
    files = {f"{number:02d}": os.urandom(size) for number, size in enumerate(SIZES)}
    pairs: dict[str, tuple[Callable[[str, bytes], Any], Callable[[str, bytes], Any]]] = {
        "puts": (
            lambda name, data: obstore.put(ours, f"a/{name}", data),
            lambda name, data: theirs.pipe_file(f"bench/b/{name}", data),
        ),
        "reads": (
            lambda name, _: bytes(obstore.get(ours, f"a/{name}").bytes()),
            lambda name, _: theirs.cat_file(f"bench/b/{name}"),
        ),
        "lists": (lambda *_: list(obstore.list(ours, "a")), lambda *_: theirs.find("bench/b")),
    }
    for what, (one, other) in pairs.items():
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds):
            for action, kept in zip((one, other), times, strict=True):
                start = perf_counter()
                for name, data in files.items():
                    action(name, data)
                kept.append(perf_counter() - start)
        mine, its = (median(kept) / len(files) * 1e3 for kept in times)
        told = f"{len(files)} files, {sum(SIZES) / 1e6:.1f} MB"
        how = f"{told}: {mine:.1f} ms each / {its:.1f} ms, S3 by moto on loopback"
        yield record(f"obstore against s3fs: {what}", mine / its, "ratio", "<=", 1.0, how)


def _stores(rounds: int) -> Iterator[Record]:
    def write(run: ArtifactFolder) -> None:
        with run.family("f") as out:
            for number, size in enumerate(SIZES):
                out.bytes(f"{number:02d}", os.urandom(size))

    def read(run: ArtifactFolder) -> None:
        for name in run.still().list("f/"):
            run.read_bytes(name)

    def log(run: ArtifactFolder) -> None:
        for step in range(EVENTS):
            run.append_event({"event": "train.metrics", "step": step, "losses": {"recon": 0.1}})

    def follow(run: ArtifactFolder) -> None:
        run.event_log()

    actions = {
        "a family": (write, 1),
        "its files": (read, 1),
        "an event": (log, EVENTS),
        "the log": (follow, 1),
    }
    with TemporaryDirectory() as folder:
        runs = [Store(place).run("r", "n", 0) for place in (folder, "s3://bench/store")]
        for what, (action, count) in actions.items():
            here, there = (_seconds(action, run, rounds) / count * 1e3 for run in runs)
            how = f"{there:.1f} ms in a bucket (moto on loopback), {here:.2f} ms in a folder"
            yield record(f"store in a bucket: {what}", there, "ms", "<=", 5_000, how)


def _seconds(action: Callable[[ArtifactFolder], None], run: ArtifactFolder, rounds: int) -> float:
    times: Sequence[float] = []
    for _ in range(rounds):
        start = perf_counter()
        action(run)
        times = [*times, perf_counter() - start]
    return median(times)


_SERVER = """
import sys
from moto.server import ThreadedMotoServer
running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
running.start()
print(running.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@contextmanager
def _server() -> Iterator[str]:
    """An S3 server as a process of its own, with the bucket `bench`; obstore's environment leads to it."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    before = dict(os.environ)
    try:
        told = process.stdout.readline()
        if not told:
            raise RuntimeError("moto's server does not start; pip install 'moto[server]'")
        endpoint = f"http://127.0.0.1:{told.strip()}"
        keys = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}
        os.environ.update({**keys, "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "us-east-1"})
        for _ in range(50):
            try:
                urllib.request.urlopen(urllib.request.Request(f"{endpoint}/bench", method="PUT")).close()
                break
            except urllib.error.URLError:
                time.sleep(0.1)
        yield endpoint
    finally:
        os.environ.clear()
        os.environ.update(before)
        process.stdin.close()
        process.wait(10)
