"""Tests of the checks of ``doctor``, one at a time."""

from __future__ import annotations

import asyncio
import os
import sys
from argparse import Namespace
from collections.abc import Callable
from importlib import metadata
from typing import Any

import pytest
from aiohttp import web

from fake_sounddevice import FakeSoundDevice, sounddevice
from oggstream.cli.checks import device_check as device, library_check as libraries, mends, service_check as service
from oggstream.cli.checks.device_check import CallForSamples, Played, check_callback, check_device, check_sound
from oggstream.cli.checks.finding import FAIL, OK, WARN, Finding, failed
from oggstream.endpoint.server import SpeechServer
from oggstream.errors import LibraryError, SourceConnectionError
from oggstream.sinks import native
from pulse import SoundServer, sound_server
from speech_server import CERTIFICATE, answering, free_port, hanging, openai_error, server_tls, serving

__all__ = ["sound_server", "sounddevice"]

KEY = "sk-proj-abcdefghijklmnop"


def args(**given: Any) -> Namespace:
    return Namespace(**{"base_url": None, "device": None, "connect_timeout": 5.0, **given})


async def only(check: Callable[[Namespace], Any], **given: Any) -> Finding:
    (finding,) = await check(args(**given))
    assert isinstance(finding, Finding)
    return finding


async def test_this_python_is_one_that_we_are_tested_with(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await only(libraries.check_python)).level == OK
    monkeypatch.setattr(libraries, "NEWEST", (3, 10))
    found = await only(libraries.check_python)
    assert (found.level, found.mend) == (WARN, "use Python 3.11 to 3.10")


async def test_packages_are_listed_with_their_versions() -> None:
    found = await only(libraries.check_packages)
    assert found.level == OK
    assert f"aiohttp {metadata.version('aiohttp')}" in found.says


async def test_missing_and_old_packages_are_named_with_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "NEEDED", ("aiohttp", "no-such-package"))
    monkeypatch.setattr(metadata, "requires", lambda _: ["aiohttp>=999.1", 'pytest>=1; extra == "x"'])
    found = await only(libraries.check_packages)
    assert found.level == FAIL
    assert "no-such-package is missing" in found.says
    assert "is older than 999.1" in found.says
    assert found.mend is not None
    assert found.mend.endswith("-m pip install --upgrade aiohttp no-such-package")


async def test_without_metadata_of_our_own_no_version_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    def requires(_: str) -> list[str]:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "requires", requires)
    assert (await only(libraries.check_packages)).level == OK


async def test_libopus_is_found_and_codes() -> None:
    found = await only(libraries.check_libopus)
    assert found.level == OK
    assert found.says.startswith("libopus 1.")


async def test_missing_libopus_has_the_command_of_this_system(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise LibraryError("libopus, the Opus codec, was not found: install it with `something`")

    monkeypatch.setattr("oggstream.codec.library.libopus_version", missing)
    found = await only(libraries.check_libopus)
    assert found[:3] == ("libopus", FAIL, "libopus, the Opus codec, was not found")
    assert found.mend == mends.install("libopus")


async def test_missing_portaudio_has_the_command_of_this_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    found = await only(libraries.check_portaudio)
    assert (found.level, found.says) == (FAIL, "sounddevice is not installed")
    assert found.mend == mends.install("portaudio")


async def test_the_offline_voice_speaks_and_is_timed() -> None:
    found = await only(libraries.check_voice)
    assert found.level == OK
    assert found.says.startswith("offline voice: ")
    assert found.figures["first_audio"] > 0


@pytest.mark.parametrize(("base_url", "level"), [(None, FAIL), ("http://localhost/v1", WARN)])
async def test_a_missing_voice_is_a_failure_only_where_nothing_else_speaks(
    base_url: str | None, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def missing() -> None:
        raise LibraryError("espeak-ng, the offline voice, was not found: install it with `something`")

    monkeypatch.setattr("oggstream.voice.synthesis.load", missing)
    found = await only(libraries.check_voice, base_url=base_url)
    assert found[:3] == ("voice", level, "espeak-ng, the offline voice, was not found")
    assert "oggstream[espeak]" in (found.mend or "")


@pytest.mark.parametrize(
    ("platform", "programs", "root", "command"),
    [
        ("linux", {"apt-get"}, False, "sudo apt install libopus0"),
        ("linux", {"apt-get"}, True, "apt install libopus0"),
        ("linux", {"dnf"}, False, "sudo dnf install opus"),
        ("linux", {"pacman"}, False, "sudo pacman -S opus"),
        ("darwin", {"brew"}, False, "brew install opus"),
    ],
)
def test_the_command_is_that_of_the_system(
    platform: str, programs: set[str], root: bool, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr("shutil.which", lambda name: name if name in programs else None)
    monkeypatch.setattr("os.geteuid", lambda: 0 if root else 1000)
    assert mends.install("libopus") == command


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_without_an_installer_a_wheel_is_named(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert mends.install("libopus").endswith('-m pip install "oggstream[codec]"')
    assert mends.install("portaudio").endswith("-m pip install --force-reinstall sounddevice")


@pytest.mark.parametrize(
    ("platform", "program", "says"),
    [
        ("linux", "pipewire", "systemctl --user start pipewire"),
        ("linux", "pulseaudio", "pulseaudio --start"),
        ("linux", "none", "start the sound server"),
        ("darwin", "none", "sound settings"),
        ("win32", "none", "sound settings"),
    ],
)
def test_a_machine_without_sound_gets_some(
    platform: str, program: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr("shutil.which", lambda name: name if name == program else None)
    monkeypatch.setattr(mends, "where", lambda: "")
    assert says in mends.start_sound()


@pytest.mark.parametrize(
    ("kernel", "there", "found", "says"),
    [
        ("5.15.90.1-microsoft-standard-WSL2", "/mnt/wslg/PulseServer", "wsl", "pcm.!default pulse"),
        ("4.4.0-19041-Microsoft", "", "old wsl", "wsl --update"),
        ("6.1.0-18-amd64", "/.dockerenv", "container", "PULSE_SERVER"),
        ("6.1.0-18-amd64", "/run/.containerenv", "container", "PULSE_SERVER"),
        ("6.1.0-18-amd64", "conda-meta", "conda", "conda-forge alsa-plugins"),
    ],
)
def test_sound_comes_out_of_wsl_containers_and_conda_by_their_own_ways(
    kernel: str, there: str, found: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(mends, "_kernel", lambda: kernel)
    for look in ("exists", "isdir"):
        monkeypatch.setattr(os.path, look, lambda path: bool(there) and str(path).endswith(there))
    assert mends.where() == found
    assert says in mends.start_sound()


def test_in_conda_portaudio_comes_from_conda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mends, "where", lambda: "conda")
    assert mends.install("portaudio") == "conda install -c conda-forge python-sounddevice"


def test_a_variable_is_set_as_the_system_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert mends.set_variable("NAME", "x") == "export NAME=x"
    monkeypatch.setattr(sys, "platform", "win32")
    assert mends.set_variable("NAME", "x") == '$env:NAME = "x"'


def test_what_an_error_advises_becomes_what_mends_it() -> None:
    error = SourceConnectionError("no name; no way; check the network")
    assert failed("x", error) == Finding("x", FAIL, "no name; no way", "check the network")
    assert failed("x", error, "do this").mend == "do this"
    assert failed("x", SourceConnectionError("just so")) == Finding("x", FAIL, "just so")


async def test_the_callback_in_c_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "library", lambda: None)
    found = await only(check_callback)
    assert (found.level, found.mend) == (OK, None)
    assert "is in C" in found.says


async def test_a_callback_in_python_is_told_of_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(native.SWITCH, raising=False)

    def missing() -> None:
        raise native.Missing("it was not built")

    monkeypatch.setattr(native, "library", missing)
    found = await only(check_callback)
    assert (found.level, found.mend) == (WARN, mends.rebuild())
    assert "is Python's (it was not built)" in found.says


async def test_a_callback_in_python_that_is_wanted_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native.SWITCH, "1")
    found = await only(check_callback)
    assert found.level == OK
    assert "OGGSTREAM_PYTHON_CALLBACK is set" in found.says


async def test_a_real_device_opens_plays_and_keeps_time(sound_server: SoundServer) -> None:
    played, *rest = await check_device(args())
    assert played[:2] == ("device", OK)
    assert "'speaker' (0, ALSA) plays: 2 channels, 48000 Hz" in played.says
    clock = next(finding for finding in rest if finding.name == "clock")
    assert clock.figures["lead"] > 0
    assert clock.figures["period"] > 0


async def test_an_unknown_device_is_a_failure_that_lists_what_there_is(sound_server: SoundServer) -> None:
    found = await only(check_device, device="gramophone")
    assert found.level == FAIL
    assert "gramophone" in found.says
    assert "'speaker'" in found.says
    assert found.mend == "oggstream devices"


async def test_no_device_at_all_is_a_warning_unless_one_is_asked_for(sounddevice: FakeSoundDevice) -> None:
    sounddevice.devices = []
    found = await only(check_device)
    assert (found.level, found.mend) == (WARN, mends.start_sound())
    assert (await only(check_device, device="0")).level == FAIL


async def test_a_device_that_asks_for_nothing_does_not_play(
    sounddevice: FakeSoundDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "SILENCE_SECONDS", 0.0)
    found = await only(check_device)
    assert found.level == FAIL
    assert "asks for no samples" in found.says
    assert sounddevice.streams[0].closed


def blocks(count: int = 200, *, speed: float = 1.0, lead: float = 0.03, dry: bool = False) -> Played:
    """What a device of 48 kHz asks for in blocks of 10 ms."""
    times = [index * 0.01 for index in range(count)]
    return Played(2, 48000.0, [CallForSamples(at / speed + lead if lead else 0.0, at, 480, dry) for at in times])


@pytest.mark.parametrize(
    ("played", "level", "says"),
    [
        (blocks(), OK, "1.0000 of its rate, 30.0 ms lead, 10.0 ms a period"),
        (blocks(speed=1.05, lead=0.3), WARN, "1.0500 of its rate"),
        (blocks(lead=0.0), WARN, "does not tell when its samples are heard"),
        (blocks(lead=-0.1), WARN, "does not tell when its samples are heard"),
        (blocks(2), WARN, "asked for samples 2 times"),
    ],
)
def test_the_clock_of_the_device_is_judged(played: Played, level: str, says: str) -> None:
    [found] = check_sound(played)
    assert (found.name, found.level) == ("clock", level)
    assert says in found.says


def standing_still(often: int, seconds: float, *, told: bool, speed: float = 1.0) -> Played:
    """What a device asks for that runs dry so often, each time so long; meanwhile its clock stands still."""
    calls, lost = [], 0.0
    for index in range(200):
        dry = often > 0 and index > 40 and index % (160 // often) == 0
        lost += seconds if dry else 0.0
        at = index * 0.01 + lost
        calls.append(CallForSamples(index * 0.01 / speed + lost + 0.3, at, 480, dry and told))
    return Played(2, 48000.0, calls, 0.02)


@pytest.mark.parametrize("told", [True, False])
def test_a_device_that_ran_dry_is_told_from_one_whose_clock_is_off(told: bool) -> None:
    load, clock = check_sound(standing_still(3, 0.2, told=told))
    assert (load.name, load.level, load.figures["underflows"]) == ("load", WARN, 3)
    assert "the device ran dry 3 times: it got its samples late, at 20 ms of latency" in load.says
    assert (clock.name, clock.level, clock.figures["rate"]) == ("clock", OK, 1.0)
    assert "1.0000 of its rate" in clock.says


def test_a_device_may_be_dry_and_off() -> None:
    load, clock = check_sound(standing_still(3, 0.2, told=True, speed=1.05))
    assert (load.level, clock.level) == (WARN, WARN)
    assert "1.0500 of its rate" in clock.says


def test_a_device_that_is_dry_all_the_time_has_no_clock_to_judge() -> None:
    [load] = check_sound(blocks(dry=True))
    assert load.name == "load"


@pytest.mark.parametrize(
    ("key", "base_url", "level", "says"),
    [
        (KEY, None, OK, "is set"),
        (f"{KEY}\n", "http://localhost/v1", OK, "is set"),
        ("sk two words", None, FAIL, "no key"),
        ("", None, WARN, "the offline voice speaks"),
        ("", "https://api.openai.com/v1", FAIL, "OpenAI needs one"),
        ("", "http://me:hidden@localhost/v1", OK, "http://localhost/v1 may do without"),
    ],
)
async def test_the_key_is_looked_for_and_never_shown(
    key: str, base_url: str | None, level: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    found = await only(service.check_key, base_url=base_url)
    assert found.level == level
    assert says in found.says
    assert not key.strip() or key.strip() not in str(found)
    assert "hidden" not in str(found)


async def test_without_an_endpoint_none_is_asked() -> None:
    found = await only(service.check_endpoint)
    assert (found.level, found.figures) == (OK, {})


async def test_an_endpoint_that_answers_is_timed_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    server = SpeechServer(key=KEY)
    await server.start()
    try:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        found = await only(service.check_endpoint)
        assert found.level == OK
        assert f"{server.base_url} answers with 4 models: name " in found.says
        assert list(found.figures) == ["name", "connection", "first_byte"]
        monkeypatch.setenv("OPENAI_API_KEY", "sk-another-one")
        found = await only(service.check_endpoint)
        assert (found.level, found.mend) == (FAIL, mends.set_variable("OPENAI_API_KEY", "..."))
        assert "another" not in found.says
    finally:
        await server.stop()


async def test_tls_is_a_step_of_its_own_and_a_certificate_that_is_not_trusted_ends_it(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = web.json_response({"data": [{}, {}]})
    async with serving(answering(answer), tls=server_tls()) as running:
        found = await only(service.check_endpoint, base_url=running.base)
        assert found.level == FAIL
        assert "certificate" in found.says
        assert list(found.figures) == ["name", "connection"]
        (tmp_path / "ca.pem").write_text(CERTIFICATE)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert list(await service.steps(running.base, 5.0)) == ["name", "connection", "tls"]


async def test_other_lists_of_models_are_counted_too() -> None:
    async with serving(answering(web.json_response({"models": [1, 2, 3]}))) as running:
        assert "with 3 models" in (await only(service.check_endpoint, base_url=running.base)).says


@pytest.mark.parametrize(
    ("answer", "level", "says"),
    [
        (openai_error(404, "no"), OK, "lists no models (HTTP 404)"),
        (openai_error(503, "busy"), FAIL, "HTTP 503"),
        (openai_error(429, "no credit", code="insufficient_quota"), FAIL, "no credit"),
        (web.Response(text="<html><title>Hi</title></html>", content_type="text/html"), FAIL, "not with models"),
        (web.Response(text="[1]"), FAIL, "not with models"),
        (web.Response(body=b""), FAIL, "answered with nothing"),
    ],
)
async def test_what_an_endpoint_answers_is_told(answer: web.Response, level: str, says: str) -> None:
    async with serving(answering(answer)) as running:
        found = await only(service.check_endpoint, base_url=running.base)
        assert found.level == level
        assert says in found.says
        assert len([post for post in running.posts if post.method == "GET"]) == 1


async def test_a_base_url_that_may_lack_its_end_is_a_warning() -> None:
    async with serving(answering(openai_error(404, "no"))) as running:
        found = await only(service.check_endpoint, base_url=running.origin)
        assert (found.level, found.mend) == (WARN, "check the base URL, most end in /v1")


async def test_an_endpoint_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "ANSWER_SECONDS", 0.1)
    async with serving(hanging) as running:
        found = await only(service.check_endpoint, base_url=running.base, connect_timeout=0.2)
        assert (found.level, found.mend) == (FAIL, "try again later, or check the base URL")
        assert "does not answer within 0.1 s" in found.says


@pytest.mark.parametrize(
    ("base_url", "says"),
    [
        ("nonsense", "unusable URL"),
        ("http://nobody.invalid/v1", "cannot find the host nobody.invalid"),
        ("http://127.0.0.1:{port}/v1", "connection refused"),
    ],
)
async def test_an_endpoint_that_cannot_be_reached_says_why(base_url: str, says: str) -> None:
    found = await only(service.check_endpoint, base_url=base_url.format(port=free_port()))
    assert found.level == FAIL
    assert says in found.says
    assert found.mend


async def test_through_a_proxy_there_are_no_steps_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    assert await service.steps("http://example.invalid/v1", 1.0) == {}
    found = await only(service.check_endpoint, base_url="http://example.invalid/v1")
    assert "cannot connect to the proxy" in found.says


async def test_steps_end_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    release = asyncio.get_running_loop().create_future()

    async def never(*_: object, **__: object) -> None:
        await release

    monkeypatch.setattr(asyncio, "open_connection", never)
    assert list(await service.steps("http://127.0.0.1/v1", 0.05)) == ["name"]
