from __future__ import annotations

import numpy as np
import pytest

from oggstream.audio.frame import RATE, PcmFrame


def test_a_frame_is_at_48_khz_and_not_concealed_unless_told() -> None:
    frame = PcmFrame(np.zeros((960, 1), np.float32), 4800)
    assert (frame.position, frame.rate, frame.concealed) == (4800, RATE, False)


def test_a_frame_cannot_be_changed() -> None:
    frame = PcmFrame(np.zeros((960, 1), np.float32), 0)
    with pytest.raises(AttributeError, match="can't set"):
        frame.position = 1  # type: ignore[misc]
