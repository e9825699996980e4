"""The plugin for applications' tests, used as they would use it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import oggstream
from oggstream.errors import CaptureError, UsageError

if TYPE_CHECKING:
    from oggstream.testing import SpeechCapture, VirtualSpeech

pytest_plugins = ["oggstream.testing"]  # its entry point is switched off here, so that coverage begins before it
CAPTURES = Path(__file__).parent / "fixtures" / "captures"


def capture(name: str) -> str:
    return str(CAPTURES / name)


def test_an_answer_is_heard_when_it_was_recorded(speech_capture: SpeechCapture, virtual_speech: VirtualSpeech) -> None:
    source = speech_capture(capture("local_20ms"))
    report = virtual_speech.run(oggstream.play_stream("Hello.", source=source, sink=virtual_speech.sink))
    assert report.timing.first_byte == pytest.approx(0.051)
    assert report.timing.first_audible is not None
    assert report.timing.first_audible < 0.15
    assert report.playout.stalls == 0


def test_two_runs_of_a_test_are_equal_to_the_sample(speech_capture: SpeechCapture) -> None:
    from oggstream.testing import VirtualSpeech

    def once() -> bytes:
        speech = VirtualSpeech()
        speech.run(oggstream.play_stream("", source=speech_capture(capture("b_jitter")), sink=speech.sink))
        speech.close()
        return speech.recording.tobytes()

    assert once() == once()


def test_the_first_sound_is_found_in_the_recording(
    speech_capture: SpeechCapture, virtual_speech: VirtualSpeech
) -> None:
    async def application() -> oggstream.PlaybackReport:
        await asyncio.sleep(2)
        return await oggstream.play_stream(
            "Hello.", source=speech_capture(capture("local_20ms")), sink=virtual_speech.sink
        )

    report = virtual_speech.run(application())
    assert report.timing.first_audible is not None
    virtual_speech.run(application())
    assert virtual_speech.first_audible == pytest.approx(2 + report.timing.first_audible, abs=1e-4)
    assert virtual_speech.time() >= 2 + report.audio.seconds


def test_nothing_played_is_nothing_heard(virtual_speech: VirtualSpeech) -> None:
    assert virtual_speech.first_audible is None
    assert virtual_speech.silences(0.1) == []
    assert virtual_speech.recording.shape == (0, 1)


def test_silences_are_found_where_they_are(virtual_speech: VirtualSpeech, monkeypatch: pytest.MonkeyPatch) -> None:
    sound, silence = np.ones((24000, 1), np.float32), np.zeros((12000, 1), np.float32)
    played = np.concatenate([silence, sound, silence, sound, silence[:2400], sound, silence])
    monkeypatch.setattr(type(virtual_speech.sink), "recording", played)
    assert virtual_speech.silences(0.1) == [(0.75, 0.25)]
    assert virtual_speech.silences(0.01) == [(0.75, 0.25), (1.5, 0.05)]


def test_a_player_lives_from_one_run_to_the_next(speech_capture: SpeechCapture, virtual_speech: VirtualSpeech) -> None:
    player = oggstream.Player(source=speech_capture(capture("sentences")), sink=virtual_speech.sink)

    async def begin() -> oggstream.Speech:
        await player.__aenter__()
        speech = player.say("Hello. It goes on and on.")
        await asyncio.sleep(1.5)
        return speech

    async def interrupt(speech: oggstream.Speech) -> oggstream.Heard:
        heard = await player.stop()
        assert (await speech).stopped
        await player.aclose()
        return heard

    speech = virtual_speech.run(begin())
    heard = virtual_speech.run(interrupt(speech))
    assert 0 < heard.seconds < 1.5


def test_a_capture_may_come_through_a_recorded_network(
    speech_capture: SpeechCapture, virtual_speech: VirtualSpeech, tmp_path: Path
) -> None:
    slow = tmp_path / "slow"
    slow.write_text("0 0.02\n100 0.02\n")
    source = speech_capture(capture("local_20ms"), network=str(slow))
    report = virtual_speech.run(oggstream.play_stream("Hello.", source=source, sink=virtual_speech.sink))
    assert report.timing.end is not None
    assert report.timing.end > report.audio.seconds * 1.2  # 20 kbit/s is less than the speech has


def test_what_is_missing_is_named(speech_capture: SpeechCapture) -> None:
    with pytest.raises(CaptureError, match="greeting"):
        speech_capture("greeting")
    with pytest.raises(UsageError, match="no-such-network"):
        speech_capture(capture("b_fast"), network="no-such-network")


def test_nothing_is_learnt_beyond_the_test(virtual_speech: VirtualSpeech, tmp_path: Path) -> None:
    from oggstream import history

    assert Path(history.default_path()).parent == tmp_path


async def test_an_asynchronous_test_is_told_that_it_has_a_clock(virtual_speech: VirtualSpeech) -> None:
    waiting = asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="running event loop"):
        virtual_speech.run(waiting)
    waiting.close()


def test_loading_the_plugin_loads_nothing_heavy() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import oggstream.testing;"
        "print(*sorted(name for name in set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"oggstream", "oggstream.testing"}


APPLICATION = """
import oggstream

def test_the_greeting(speech_capture, virtual_speech):
    source = speech_capture("local_20ms")
    virtual_speech.run(oggstream.play_stream("Hello.", source=source, sink=virtual_speech.sink))
    assert virtual_speech.first_audible < 0.15
"""


def run_pytest(folder: Path) -> str:
    """What pytest says of the tests in ``folder``, in a process of its own."""
    plugins = ["-p", "no:oggstream", "-p", "oggstream.testing", "-p", "no:cacheprovider"]  # installed or not
    command = [sys.executable, "-m", "pytest", "-q", *plugins, "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_an_application_says_where_its_captures_are(tmp_path: Path) -> None:
    (tmp_path / "test_app.py").write_text(APPLICATION)
    (tmp_path / "pytest.ini").write_text("[pytest]\noggstream_captures = data\n")
    (tmp_path / "data").mkdir()
    for file in CAPTURES.glob("local_20ms.*"):
        (tmp_path / "data" / file.name).write_bytes(file.read_bytes())
    said = run_pytest(tmp_path)
    assert "1 passed" in said, said


def test_the_example_finds_its_captures_beside_it() -> None:
    said = run_pytest(Path(__file__).parents[1] / "tools" / "examples" / "own_tests")
    assert "3 passed" in said, said
