"""Where splines are checked against the map."""

from __future__ import annotations

import numpy as np
import pytest

from xresample.wcs import spline as nodes


@pytest.mark.parametrize("sides", [(range(40), range(30, 50)), (range(7, 19), range(90))])
def test_a_pixel_of_every_row_and_column_and_of_all_borders_is_checked(sides):
    points = nodes._scattered(*sides)
    for side, at, across in zip(sides, points, points[::-1], strict=True):
        assert set(at) == set(side)
        for end in (side[0], side[-1]):
            assert len(set(across[at == end])) > 1


def test_exposures_of_a_detector_share_the_checked_pixels():
    x, _ = nodes._scattered(range(40), range(30))
    assert nodes._scattered(range(40), range(30))[0] is x
    with pytest.raises(ValueError, match="read-only"):
        x += 1.0
    assert not np.array_equal(nodes._scattered(range(1, 41), range(30))[0], x)
