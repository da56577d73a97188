"""Data scripts come back as they went in, and nothing in them can end a script element."""

from __future__ import annotations

import numpy as np
import pytest

from acc_assets.report.scripts import decode, encode, script_json


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "uint8", "int8", "int16", "uint16", "int32", "uint32", "bool"]
)
def test_arrays_survive_the_round_trip(dtype: str) -> None:
    array = (
        (np.arange(24).reshape(2, 3, 4) % 2).astype(dtype) if dtype == "bool" else np.arange(24).astype(dtype)
    )
    array = array.reshape(2, 3, 4)
    key, meta, arrays = decode(encode("runs/a/b/seed-0/points", {"n": 24, "name": "é ≤"}, {"x": array}))
    assert (key, meta) == ("runs/a/b/seed-0/points", {"n": 24, "name": "é ≤"})
    np.testing.assert_array_equal(arrays["x"], array)
    assert arrays["x"].dtype == array.dtype


def test_big_endian_and_strided_arrays_become_little_endian() -> None:
    array = np.arange(10, dtype=">f4")[::2]
    _, _, arrays = decode(encode("k", {}, {"x": array}))
    np.testing.assert_array_equal(arrays["x"], [0, 2, 4, 6, 8])


def test_an_empty_array_keeps_its_shape() -> None:
    assert decode(encode("k", {}, {"x": np.zeros((0, 5), np.float32)}))[2]["x"].shape == (0, 5)


def test_equal_inputs_give_equal_bytes() -> None:
    array = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    assert encode("k", {"a": 1}, {"x": array}) == encode("k", {"a": 1}, {"x": array.copy()})


def test_rounded_numbers_are_off_by_half_a_level_at_most() -> None:
    array = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    array[3, 1] = np.nan
    integers = np.arange(3, dtype=np.int32)
    sent = encode("k", {}, {"x": array, "i": integers}, rounded=True)
    _, _, arrays = decode(sent)
    half = (np.nanmax(array) - np.nanmin(array)) / 2 / 65_534
    np.testing.assert_allclose(arrays["x"], array, rtol=0, atol=half * 1.01)
    np.testing.assert_array_equal(np.isnan(arrays["x"]), np.isnan(array))
    np.testing.assert_array_equal(arrays["i"], integers)
    assert len(sent) < 0.65 * len(encode("k", {}, {"x": array, "i": integers}))


@pytest.mark.parametrize("values", [[], [np.nan], [4.0, 4.0], [1.0, np.inf, np.nan]])
def test_rounding_keeps_arrays_without_a_range(values: list[float]) -> None:
    array = np.array(values, np.float32)
    np.testing.assert_array_equal(decode(encode("k", {}, {"x": array}, rounded=True))[2]["x"], array)


def test_types_without_a_typed_array_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"array 'x' of 'k' is int64; allowed: float32"):
        encode("k", {}, {"x": np.arange(3, dtype=np.int64)})


@pytest.mark.parametrize("hostile", ["</script><b>", "<!--", "]]>", "\u2028\u2029", "'\"\\", "&lt;"])
def test_hostile_text_stays_text(hostile: str) -> None:
    script = encode("k", {"name": hostile}, {})
    assert decode(script)[1]["name"] == hostile
    assert not any(mark in script.decode() for mark in ("<", ">", "&", "\u2028", "\u2029"))


def test_numbers_that_json_lacks_are_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        script_json({"x": float("nan")})


def test_other_scripts_are_no_data() -> None:
    with pytest.raises(ValueError, match="not a data script"):
        decode(b"alert(1)")
