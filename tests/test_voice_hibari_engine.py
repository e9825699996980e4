"""The voice hibari as an engine: sound, words, errors, and what it leaves behind on the machine."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hibari_package import SENTENCE, engine, needs_hibari, tables_written
from oggstream.errors import LibraryError
from oggstream.voice.engine import SpokenWord, Utterance
from oggstream.voice.hibari import package
from oggstream.voice.hibari.engine import HibariEngine

pytestmark = needs_hibari


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


def spoken(text: str, *, speed: float = 1.0, first: bool = True) -> tuple[NDArray[np.float32], list[SpokenWord]]:
    blocks, words = [np.zeros(0, np.float32)], []
    for item in engine().speak(Utterance(text, speed=speed, first=first)):
        if isinstance(item, SpokenWord):
            words.append(item)
        else:
            blocks.append(item)
    return np.concatenate(blocks), words


def test_a_sentence_is_as_long_and_as_loud_as_a_sentence() -> None:
    sound, _ = spoken(SENTENCE)
    assert 4.5 < len(sound) / 24000 < 8
    assert 0.05 < sound.std() < 0.2
    assert np.abs(sound).max() < 1


def test_the_sound_begins_at_once() -> None:
    for text in ("Hello there.", SENTENCE, "So what?", "Apples.", "Fish!"):
        sound, _ = spoken(text)
        assert np.abs(sound[:480]).max() > 0.001


def test_the_first_block_is_small_and_the_blocks_grow() -> None:
    sizes = [len(item) for item in engine().speak(Utterance(SENTENCE)) if not isinstance(item, SpokenWord)]
    assert sizes[0] < 0.15 * 24000
    assert all(later >= earlier for earlier, later in itertools.pairwise(sizes[:-1]))


def test_the_same_text_gives_the_same_samples() -> None:
    assert np.array_equal(spoken(SENTENCE)[0], spoken(SENTENCE)[0])


def test_small_and_large_first_blocks_give_the_same_sound() -> None:
    small, large = spoken("Hello there.")[0], spoken("Hello there.", first=False)[0]
    assert len(small) == len(large)
    assert np.abs(small - large).max() < 1e-4


def test_words_have_their_places_in_text_and_sound() -> None:
    sound, words = spoken(SENTENCE)
    assert [SENTENCE[word.start : word.end] for word in words] == SENTENCE.replace(",", "").rstrip(".").split()
    assert all(word.begins < word.ends <= len(sound) for word in words)
    assert all(earlier.ends <= later.begins + 24 for earlier, later in itertools.pairwise(words))


def test_words_begin_where_the_sound_behind_a_pause_begins() -> None:
    text = "Apple, banana, carrot, dog, eagle, fish, grape, house, igloo, jacket, kettle, lemon."
    sound, words = spoken(text)
    quiet = np.abs(sound[: len(sound) // 120 * 120].reshape(-1, 120)).max(axis=1) < 0.02
    onsets = [at * 120 for at in range(12, len(quiet)) if not quiet[at] and quiet[at - 12 : at].all()]
    assert len(onsets) >= 4
    for onset in onsets:
        assert min(abs(word.begins - onset) for word in words) <= 0.06 * 24000


def test_words_that_are_written_out_keep_the_place_of_what_they_were() -> None:
    text = "At 9:30 pm on 3/4/2024, Dr. Smith paid $1,299.99 for 12.5 km."
    _, words = spoken(text)
    assert [text[word.start : word.end] for word in words] == [
        *("At", "9:30", "pm", "on", "3/4/2024", "Dr", "Smith", "paid", "$1,299.99"[1:], "for", "12.5", "km"),
    ]


def test_words_of_later_sentences_lie_behind_those_of_the_first() -> None:
    text = "One. Two! Three?"
    sound, words = spoken(text)
    assert [text[word.start : word.end] for word in words] == ["One", "Two", "Three"]
    assert words[0].ends < words[1].begins < words[2].begins < len(sound)


@pytest.mark.parametrize(("speed", "share"), [(0.5, 2.0), (2.0, 0.5), (4.0, 0.25)])
def test_speed_shortens_the_sound_and_moves_the_words(speed: float, share: float) -> None:
    usual, words = spoken(SENTENCE)
    sound, moved = spoken(SENTENCE, speed=speed)
    assert len(sound) == pytest.approx(share * len(usual), rel=0.15)
    assert moved[-1].begins == pytest.approx(share * words[-1].begins, rel=0.15)


@pytest.mark.parametrize(
    "text",
    [
        *("1" * 60, "1,234" * 20, "２" * 50, "²" * 40, "3." + "1" * 60, "[word](/wˈɜɹd/) here", "w." * 200),
        *(
            "你好",
            "😀",
            "-----",
            "\x00\x01",
            "a" * 400,
            "x1" * 200,
            "(" * 400,
            "'" * 400,
            "Привет мир",
            "https://a.b/c?d=e",
        ),
    ],
)
def test_odd_text_does_not_raise(text: str) -> None:
    spoken(text[:120])


def test_a_markdown_link_does_not_set_phonemes() -> None:
    assert len(spoken("[Hello](/a/) there.")[0]) > len(spoken("Hello there.")[0])


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "find_spec", lambda _: None)
    with pytest.raises(LibraryError, match=r"not installed: pip install 'oggstream\[voice\]'$"):
        HibariEngine().load()


@pytest.mark.parametrize("damage", ["missing", "empty", "half", "other", "flipped"])
def test_a_model_that_cannot_be_used_is_one_line_that_says_what_to_do(damage: str, tmp_path: Path) -> None:
    model = tmp_path / "hibari.onnx"
    whole = (package.assets() / "hibari.onnx").read_bytes()
    other = (package.assets() / "oov.onnx").read_bytes()
    contents = {"empty": b"", "half": whole[: len(whole) // 2], "other": other, "flipped": whole[:9] + b"\xff" * 99}
    if damage != "missing":
        model.write_bytes(contents[damage])
    with pytest.raises(LibraryError) as caught:
        HibariEngine(str(model)).load()
    assert str(caught.value).startswith("hibari-tts cannot be used (the model hibari.onnx: ")
    assert str(caught.value).endswith("pip install 'oggstream[voice]' --force-reinstall")
    assert "\n" not in str(caught.value)


def test_a_model_of_other_weights_speaks_and_its_silence_is_found_by_listening(tmp_path: Path) -> None:
    model = tmp_path / "other.onnx"
    model.write_bytes((package.assets() / "hibari.onnx").read_bytes() + b"\x12\x00")  # an unset producer_name
    other = HibariEngine(str(model))
    other.load()
    sound = np.concatenate([b for b in other.speak(Utterance("Hello there.")) if not isinstance(b, SpokenWord)])
    assert np.abs(sound[:240]).max() > 0.001
    assert len(sound) == pytest.approx(len(spoken("Hello there.")[0]), abs=480)


def test_dictionaries_are_kept_and_a_damaged_file_is_made_anew(cache: Path) -> None:
    file = cache / "oggstream" / "voices" / "hibari.tables"
    for damaged in (False, True):
        if damaged:
            file.write_bytes(file.read_bytes()[:-1] + b"?")
        speak_once()
        tables_written()
        assert file.read_bytes()[-1:] == b"\n"
        assert file.stat().st_size > 1 << 20
    if sys.platform != "win32":
        assert file.stat().st_mode & 0o777 == 0o600


def speak_once() -> None:
    once = HibariEngine()
    once.load()
    once.warm()


STRACE = shutil.which("strace")


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
def test_no_socket_is_made_and_nothing_is_written_outside_the_cache(tmp_path: Path, cache: Path) -> None:
    log, home = tmp_path / "log", tmp_path / "home"
    home.mkdir()
    program = "import test_voice_hibari_engine as t, sys; t.speak_once(); assert 'onnxruntime' not in sys.modules"
    subprocess.run(
        [
            str(STRACE),
            "-f",
            "-o",
            str(log),
            "-e",
            "trace=network,openat,mkdir,rename,unlink",
            sys.executable,
            "-c",
            program,
        ],
        check=True,
        cwd=Path(__file__).parent,
        env={"HOME": str(home), "XDG_CACHE_HOME": str(cache), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    calls = log.read_text().splitlines()
    assert not [call for call in calls if "socket(" in call or "connect(" in call]
    written = [
        call for call in calls if ("O_WRONLY" in call or "O_RDWR" in call or "mkdir" in call) and "= -1" not in call
    ]
    assert written
    assert all(str(cache) in call or "/dev/null" in call for call in written)
    assert list(home.iterdir()) == []
