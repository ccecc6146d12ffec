"""Data quality flags: the syntax of ``good_bits``, and flags of any integer type."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
import pytest
from astropy.nddata.bitmask import (
    bitfield_to_boolean_mask,
    extend_bit_flag_map,
    interpret_bit_flags,
)

from tests.support.flags import FLAGS, some_flags
from xresample.datamodel.dq_flags import (
    as_uint32,
    flag_map_from_cf,
    good_pixels,
    interpret_good_bits,
)
from xresample.errors import InvalidInputError


class Pixel(enum.Enum):
    """Flags as an enumeration whose members are not numbers."""

    DO_NOT_USE = 1
    SATURATED = 2
    JUMP_DET = 4
    DROPOUT = 8
    NON_SCIENCE = 512
    TOP = 1 << 31


MAPS = [
    FLAGS,
    Pixel,
    enum.IntEnum("IntPixel", FLAGS),
    enum.IntFlag("FlagPixel", FLAGS),
    extend_bit_flag_map("Extended", extend_bit_flag_map("Base", JUMP_DET=4, TOP=1 << 31),
                        DO_NOT_USE=1, SATURATED=2, DROPOUT=8, NON_SCIENCE=512),
]  # fmt: skip

NUMBERS: list[Any] = [
    0, 1, 6, ~6, 512, [1, 4], [], (2, 8), np.int64(4), np.array([1, 2]),
    "0", "4", "12", "4,8", "4+8", "4|8", " 4 , 8 ", "~4", "~(4+8)", "~4,8", "~ 12", "(4)",
]  # fmt: skip
NAMES = [
    "JUMP_DET", "JUMP_DET, DROPOUT", "JUMP_DET+DROPOUT", "JUMP_DET | TOP", "~DO_NOT_USE",
    "~DO_NOT_USE+NON_SCIENCE", "~(DO_NOT_USE, TOP)", ["JUMP_DET", "DROPOUT"],
]  # fmt: skip


@pytest.mark.parametrize("good_bits", NUMBERS, ids=repr)
def test_numbers_mean_the_same_as_in_astropy(good_bits: Any) -> None:
    assert interpret_good_bits(good_bits) == interpret_bit_flags(good_bits)
    dq = some_flags()
    expected = bitfield_to_boolean_mask(dq, good_bits, good_mask_value=True)
    np.testing.assert_array_equal(good_pixels(dq, good_bits), expected)


@pytest.mark.parametrize("flag_map", MAPS, ids=lambda m: getattr(m, "__name__", "dict"))
@pytest.mark.parametrize("good_bits", NAMES, ids=repr)
def test_names_mean_the_same_as_in_astropy(good_bits: Any, flag_map: Any) -> None:
    assert interpret_good_bits(good_bits, flag_map) == interpret_bit_flags(
        good_bits, flag_name_map=FLAGS
    )
    dq = some_flags()
    expected = bitfield_to_boolean_mask(dq, good_bits, good_mask_value=True, flag_name_map=FLAGS)
    np.testing.assert_array_equal(good_pixels(dq, good_bits, flag_map), expected)


@pytest.mark.parametrize("good_bits", [None, "~0", "None", "INDEF", "", -1, 0xFFFFFFFF])
def test_values_that_ignore_all_flags(good_bits: Any) -> None:
    assert interpret_good_bits(good_bits) is None
    assert good_pixels(some_flags(), good_bits) is None


def test_zero_makes_every_flag_bad() -> None:
    dq = some_flags()
    np.testing.assert_array_equal(good_pixels(dq, 0), dq == 0)
    assert good_pixels(None, "NO_SUCH_FLAG") is None


@pytest.mark.parametrize("flag_map", MAPS, ids=lambda m: getattr(m, "__name__", "dict"))
def test_the_error_lists_the_unknown_and_the_known_names(flag_map: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"known flags only, got 'JUMP'") as error:
        interpret_good_bits("~DO_NOT_USE+JUMP", flag_map)
    assert all(name.lower() in str(error.value).lower() for name in FLAGS)


def test_a_name_without_a_flag_map_is_an_error() -> None:
    with pytest.raises(InvalidInputError, match=r"'DO_NOT_USE'; known flags: none"):
        interpret_good_bits("~DO_NOT_USE")


@pytest.mark.parametrize(
    "good_bits", ["4~8", "4,8+2", "(4", "~", "3,4", [3, 4], 1.5, True, "4, JUMP_DET", [1, "X"],
                  "__import__('os')", {}.keys, "BAD"]
)  # fmt: skip
def test_invalid_good_bits_are_an_error(good_bits: Any) -> None:
    with pytest.raises(InvalidInputError, match="good_bits"):
        interpret_good_bits(good_bits, {**FLAGS, "BAD": "1"})


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "i1", "i2", "i4", "u8", "i8"])
@pytest.mark.parametrize("good_bits", [0, 5, "~1", "~4+8", 128, 1 << 15])
def test_flags_of_any_integer_type(kind: str, order: str, good_bits: Any) -> None:
    native = some_flags("u" + str(min(int(kind[1]), 4)))
    dq = native.astype(order + kind)
    dq.flags.writeable = False
    expected = bitfield_to_boolean_mask(
        native.astype(np.int64), good_bits, good_mask_value=True, dtype=bool
    )
    np.testing.assert_array_equal(good_pixels(dq, good_bits), expected)
    np.testing.assert_array_equal(good_pixels(dq[::2, ::-3], good_bits), expected[::2, ::-3])
    flags = as_uint32(dq)
    assert flags.dtype == np.uint32
    np.testing.assert_array_equal(flags, native)


@pytest.mark.parametrize("value", [1 << 32, -1])
def test_flags_beyond_32_bits_are_an_error(value: int) -> None:
    with pytest.raises(InvalidInputError, match="32 bits"):
        good_pixels(np.array([[0, value]]), 0)


@pytest.mark.parametrize("dtype", [float, bool])
def test_flags_must_be_integers(dtype: type) -> None:
    with pytest.raises(InvalidInputError, match="integers"):
        good_pixels(np.zeros((2, 2), dtype), 0)


@pytest.mark.parametrize(
    "masks",
    [
        np.array([1, 4, 1 << 31], np.uint32),
        np.array([1, 4, -(1 << 31)], np.int32),
        np.array([1, 4, 1 << 31], np.int64),
        np.array([1, 4, 1 << 31], ">u4"),
        [1, 4, 1 << 31],
    ],
)
def test_flag_map_from_cf(masks: Any) -> None:
    attrs = {"flag_masks": masks, "flag_meanings": "BAD  JUMP\nTOP"}
    assert flag_map_from_cf(attrs) == {"BAD": 1, "JUMP": 4, "TOP": 1 << 31}


def test_flag_map_from_cf_of_one_flag_and_of_signed_flags() -> None:
    assert flag_map_from_cf({"flag_masks": np.int32(2), "flag_meanings": "A"}) == {"A": 2}
    masks = np.array([-128], np.int8)
    assert flag_map_from_cf({"flag_masks": masks, "flag_meanings": "A"}) == {"A": 128}


@pytest.mark.parametrize("attrs", [{}, {"flag_masks": [1]}, {"flag_meanings": "A"}])
def test_incomplete_cf_attributes_give_no_flag_map(attrs: dict[str, Any]) -> None:
    assert flag_map_from_cf(attrs) is None


@pytest.mark.parametrize("masks", [[1], [1.0, 2.0], "1, 2", [[1, 2]]])
def test_cf_masks_and_meanings_that_do_not_match(masks: Any) -> None:
    with pytest.raises(InvalidInputError, match="flag_meanings"):
        flag_map_from_cf({"flag_masks": masks, "flag_meanings": "A B"})
