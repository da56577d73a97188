"""Checkpoints that are cut, flipped or made by another hand: refused in one sentence, and no code of theirs runs."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from odd_values import mutated, tried

from acc_assets.training.checkpoint import FORMAT, CheckpointState, Identity, parse_checkpoint
from acc_assets.training.errors import CheckpointRefused

RAN: list[str] = []
IDENTITY = Identity(
    recipe="r", node="n", seed=0, spec_hash="ab", parent=None, code="1", data={"digits": "ff"}
)
STATE = CheckpointState(
    identity=IDENTITY,
    kind="trained",
    branch="left",
    parent=None,
    spec={"type": "node"},
    step=3,
    final=True,
    model={"weight": torch.arange(6.0).reshape(2, 3)},
    heads={"class": {"bias": torch.ones(2)}},
    head_specs={"class": "x"},
    positions={"digits": 96},
    resume={"kept": True, "optimizer": {"state": [torch.zeros(3)]}},
)
WHOLE = STATE.to_bytes()
PAYLOAD: dict[str, Any] = torch.load(io.BytesIO(WHOLE), weights_only=True)


class Bomb:
    """Runs code when it is unpickled."""

    def __init__(self, call: Any, *arguments: Any) -> None:
        self._what = call, arguments

    def __reduce__(self) -> Any:
        return self._what


def judged(data: bytes) -> CheckpointState | None:
    """A checkpoint of the right types, or one refusal in one line."""
    found, told = tried(lambda: parse_checkpoint(data, "checkpoints/latest.pt"), CheckpointRefused)
    assert RAN == []
    if found is None:
        assert told.startswith("checkpoints/latest.pt ")
        assert "\n" not in told
        assert len(told) < 1000
        assert told.count("ebuild it") == 1
        return None
    assert (type(found.step), type(found.identity.seed), type(found.final)) == (int, int, bool)
    assert found.to_bytes()
    assert len(found.digest) == 64
    return found


def saved(value: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def with_pickle(data: bytes) -> bytes:
    """The archive of a checkpoint with another pickle in it."""
    source, target = zipfile.ZipFile(io.BytesIO(WHOLE)), io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            archive.writestr(name, data if name.endswith("data.pkl") else source.read(name))
    return target.getvalue()


def test_it_comes_back() -> None:
    found = judged(WHOLE)
    assert found is not None
    assert found.digest == STATE.digest


@pytest.mark.parametrize(
    "make",
    [
        lambda bomb: saved({**PAYLOAD, "kind": bomb}),
        lambda bomb: with_pickle(pickle.dumps(bomb, 2)),
        lambda bomb: with_pickle(pickle.dumps({"format": FORMAT, "model": bomb}, 2)),
        lambda bomb: pickle.dumps(bomb),
        lambda bomb: b"{}" + pickle.dumps(bomb),
        lambda bomb: len(b"{}").to_bytes(8, "little") + b"{}" + pickle.dumps(bomb),  # as safetensors begin
    ],
)
@pytest.mark.parametrize(
    "call", [(RAN.append, "ran"), (os.system, "touch ran"), (eval, "RAN.append(1)"), (exec, "1/0")]
)
def test_no_code_of_a_checkpoint_runs(
    make: Any, call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert judged(make(Bomb(*call))) is None
    assert list(tmp_path.iterdir()) == []


@given(
    at=st.integers(0, len(WHOLE)), new=st.binary(max_size=9), cut=st.sampled_from([0, 1, 2, 9, 300, 10**6])
)
def test_no_bytes_of_a_checkpoint_end_in_a_traceback(at: int, new: bytes, cut: int) -> None:
    judged(WHOLE[:at] + new + WHOLE[at + cut :])


PICKLE = zipfile.ZipFile(io.BytesIO(WHOLE)).read("archive/data.pkl")


@given(at=st.integers(0, len(PICKLE)), new=st.binary(max_size=9), cut=st.sampled_from([0, 1, 2, 9, 300]))
def test_no_pickle_in_a_checkpoint_ends_in_a_traceback(at: int, new: bytes, cut: int) -> None:
    judged(with_pickle(PICKLE[:at] + new + PICKLE[at + cut :]))


@given(payload=mutated({name: value for name, value in PAYLOAD.items() if name not in ("model", "heads")}))
def test_a_checkpoint_of_other_values_is_refused_or_whole(payload: Any) -> None:
    judged(saved({"model": PAYLOAD["model"], "heads": PAYLOAD["heads"], **payload}))


@given(spec=st.text(max_size=20) | st.just("[" * 10_000) | st.just(json.dumps({"a": 1})))
def test_a_spec_is_json(spec: str) -> None:
    judged(saved({**PAYLOAD, "spec": spec}))
