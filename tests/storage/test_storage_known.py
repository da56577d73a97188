"""Manifests that another process found whole are not parsed again, and nothing is believed of what changed since."""

import pytest

from acc_assets.storage import MadeFrom, Store, known
from acc_assets.storage.local_files import LocalFiles


@pytest.fixture
def other_process(monkeypatch):
    """Forget what this process knows."""

    def forget():
        for name in ("_known", "_new", "_recalled"):
            monkeypatch.setattr(known, name, type(getattr(known, name))())

    forget()
    return forget


@pytest.fixture
def store(tmp_path, other_process):
    store = Store(tmp_path)
    for seed in (0, 1):
        with store.run("quickstart", "root", seed).family("latents", made_from=made_from(seed)) as out:
            out.bytes("values.bin", b"%d" % seed)
            out.bytes("seconds.txt", b"1.5", volatile=True)
    with store.known_manifests("quickstart"):
        looked_at(store)
    other_process()
    return store


@pytest.fixture
def reads(monkeypatch):
    """Manifests that are read, in order."""
    told = []
    read = LocalFiles.read

    def telling(self, path):
        told.append(path)
        return read(self, path)

    monkeypatch.setattr(LocalFiles, "read", telling)
    return told


def made_from(seed):
    return MadeFrom("1-abc", {"data_digits": f"{seed}" * 16})


def looked_at(store):
    return [store.run("quickstart", "root", seed).manifest("latents") for seed in (0, 1)]


def test_what_an_earlier_process_found_whole_is_not_read_again(store, reads):
    with store.known_manifests("quickstart"):
        recalled = looked_at(store)
    assert not reads
    known._known.clear()
    assert [one.digest for one in recalled] == [one.digest for one in looked_at(store)]
    assert recalled == looked_at(store)
    assert recalled[1].made_from == made_from(1)
    assert not store.run("quickstart", "root", 1).verify("latents")


def test_a_family_that_was_written_since_is_read(store, reads, other_process):
    with store.run("quickstart", "root", 1).family("latents") as out:
        out.bytes("values.bin", b"new")
    other_process()
    reads.clear()
    with store.known_manifests("quickstart"):
        first, second = looked_at(store)
    assert reads == [f"{store.run('quickstart', 'root', 1).path}/latents/manifest.json"]
    assert first.made_from == made_from(0)
    assert second.record("values.bin").size == 3
    other_process()
    reads.clear()
    with store.known_manifests("quickstart"):
        assert looked_at(store) == [first, second]
    assert not reads


def test_an_altered_manifest_is_told_although_it_was_known(store):
    path = store.run("quickstart", "root", 0).local_path("latents/manifest.json")
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 2'))
    with store.known_manifests("quickstart"):
        (damage,) = store.run("quickstart", "root", 0).verify("latents")
    assert "altered" in str(damage)


@pytest.mark.parametrize("damage", ["no database", "bytes", "a row", "cut", "another version", "a folder"])
def test_a_database_that_cannot_be_used_is_made_again(store, reads, other_process, damage):
    import sqlite3

    database = store.root / "manifests.sqlite"
    data = database.read_bytes()
    if damage == "no database":
        database.write_text("no database")
    elif damage == "bytes":
        database.write_bytes(data.replace(b"1-abc", b"9-xyz"))
    elif damage == "cut":
        database.write_bytes(data[: len(data) // 2])
    elif damage == "a folder":
        database.unlink()
        database.mkdir()
    else:
        with sqlite3.connect(database) as connection:
            connection.execute(
                "UPDATE manifests SET manifests = '[]'" if damage == "a row" else "PRAGMA user_version = 99"
            )
        connection.close()
    for rounds in (1, 2):
        other_process()
        reads.clear()
        with store.known_manifests("quickstart"):
            assert [one.made_from for one in looked_at(store)] == [made_from(0), made_from(1)]
        assert len(reads) == (2 if rounds == 1 or damage == "a folder" else 0)


def test_recipes_are_recalled_apart(store, reads):
    with store.run("quick", "root", 0).family("latents") as out:
        out.bytes("values.bin", b"x")
    with store.known_manifests("quick"):
        looked_at(store)
    assert len([path for path in reads if path.startswith("runs/quickstart/")]) == 2
