"""Full and read-only disks, killed writers and two writers at once, with real processes."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from acc_assets.storage import StorageBusy, StorageError, Store

pytestmark = pytest.mark.skipif(os.name != "posix", reason="uses POSIX processes, signals and limits")

WRITER = """
import sys
from acc_assets.storage import Store
run = Store(sys.argv[1]).run("r", "n", 0)
number = 0
while True:
    number += 1
    with run.family("f") as out:
        for name in "abcdef":
            out.bytes(name, str(number).encode() * 20000)
        out.latest("a", "latest")
"""


def test_a_killed_writer_never_leaves_half_a_file(tmp_path):
    run = Store(tmp_path).run("r", "n", 0)
    for delay in (0.0, 0.013, 0.031, 0.047):
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)])
        while not run.has_family("f"):
            time.sleep(0.01)
        time.sleep(0.1 + delay)
        child.send_signal(signal.SIGKILL)
        child.wait()
        for name in "abcdef":
            data = run.local_path(f"f/{name}").read_bytes()
            number = data[: len(data) // 20000]
            assert data == number * 20000, "a file mixes two writes"
    with run.family("f") as out:
        out.bytes("a", b"whole")
    assert run.verify() == []
    assert run.list() == ["f/a"]


def test_a_full_disk_leaves_what_was_there(tmp_path):
    resource = pytest.importorskip("resource")
    run = Store(tmp_path).run("r", "n", 0)
    with run.family("f") as out:
        out.bytes("a", b"old" * 100)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))  # a quota: no file may grow past it
    try:
        with pytest.raises(StorageError, match="unchanged"), run.family("f") as out:
            out.bytes("a", b"new" * 100), out.bytes("b", bytes(20_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert run.read_bytes("f/a") == b"old" * 100
    assert run.list() == ["f/a"]
    assert run.verify() == []


def test_a_full_tmpfs_says_no_space(tmp_path):
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)], stderr=-3
    ).returncode:
        pytest.skip("mounting a small tmpfs needs rights that this user lacks")
    try:
        run = Store(tmp_path).run("r", "n", 0)
        with run.family("f") as out:
            out.bytes("a", b"old")
        with pytest.raises(StorageError, match=r"No space left.*free some space"):
            run.write_bytes("big.bin", bytes(100_000))
        assert run.read_bytes("f/a") == b"old"
        assert run.list() == ["f/a"]
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_read_only_folder_is_named_with_a_remedy(tmp_path):
    folder = tmp_path / "storage"
    run = Store(folder).run("r", "n", 0)
    with run.family("f") as out:
        out.bytes("a", b"old")
    everything = [folder, *folder.rglob("*")]
    for path in everything:
        path.chmod(0o555)
    if os.geteuid() == 0:
        for path in [tmp_path, *tmp_path.parents][:5]:  # pytest keeps its folders to their owner
            if path.stat().st_uid == 0 and path.name.startswith(("test_", "pytest-", "popen-")):
                path.chmod(path.stat().st_mode | 0o055)
        os.seteuid(65534)
    try:
        with pytest.raises(StorageError, match=r"ACC_STORAGE"), run.family("f") as out:
            out.bytes("a", b"new")
        with pytest.raises(StorageError, match=r"Permission denied.*ACC_STORAGE"):
            run.append_event({"event": "x"})
        assert run.read_bytes("f/a") == b"old"
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        for path in everything:
            path.chmod(0o755)


HOLDER = """
import sys, time
from acc_assets.storage import Store
with Store(sys.argv[1]).run("r", "n", 0).lock():
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_builder_says_who_holds_the_run_and_a_killed_one_frees_it(tmp_path):
    run = Store(tmp_path).run("r", "n", 0)
    child = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE)
    try:
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(StorageBusy, match=f"process {child.pid}"), run.lock(timeout=0.1):
            pass
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    with run.lock(timeout=60), run.lock(timeout=0):  # free again, and reentrant
        pass


def test_a_second_thread_waits_for_its_turn(tmp_path):
    order = []

    def work(name):
        with Store(tmp_path).run("r", "n", 0).lock(timeout=60):
            order.append(f"{name} starts")
            time.sleep(0.1)
            order.append(f"{name} ends")

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [entry.split()[1] for entry in order] == ["starts", "ends"] * 2
