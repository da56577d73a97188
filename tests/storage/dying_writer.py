"""Writers that are killed: `python dying_writer.py STORE` writes a family over an old one, again and again.

Writer n is killed (SIGKILL) before its n-th touch: of the disk, or of the object store. Each has a recipe of its own,
`r<n>`; the last one lives. A line tells how each one ended. The writers are forks of this process, which itself never
asks the object store: a client with threads must not be forked.
"""

import itertools
import os
import signal
import sys

from acc_assets.storage import Store, object_lease
from acc_assets.storage.object_files import ObjectFiles

OLD = dict.fromkeys(["a", "b", "latest"], b"old")
NEW = {"b": b"new", "c": b"other", "latest": b"other"}
LEASE_SECONDS = 1.0
EVENTS = ("run.created", "run.started")


def write(place: str, fatal: int) -> None:
    """`b` and `latest` are replaced, `a` is dropped, `c` is new: a mixture would be seen."""
    run = Store(place).run(f"r{fatal}", "n", 0)
    for event in EVENTS:
        run.append_event({"event": event})
    with run.family("f") as out:
        for name, data in OLD.items():
            out.bytes(name, data)
    object_lease.LEASE_SECONDS = LEASE_SECONDS
    _die_before(fatal)
    with run.lock(), run.family("f", keep=True) as out:
        for name in "bc":
            out.bytes(name, NEW[name])
        out.latest("c", "latest")
        out.drop("a")


def _die_before(fatal: int) -> None:
    touched = 0

    def touch() -> None:
        nonlocal touched
        touched += 1
        if touched == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(event, args):
        writes = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
        if writes or event in ("os.rename", "os.link", "os.remove", "os.rmdir"):
            touch()

    ask = ObjectFiles._ask

    def asked(self, verb, path, request):
        touch()
        return ask(self, verb, path, request)

    sys.addaudithook(watch)
    ObjectFiles._ask = asked


if __name__ == "__main__":
    for number in itertools.count(1):
        child = os.fork()
        if not child:
            try:
                write(sys.argv[1], number)
            finally:
                os._exit(0 if sys.exc_info()[0] is None else 1)
        ended = os.waitpid(child, 0)[1]
        print("killed" if ended == signal.SIGKILL else f"ended with {ended}", flush=True)
        if ended != signal.SIGKILL:
            break
