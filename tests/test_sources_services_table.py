from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from oggstream.errors import ConfigError, UsageError
from oggstream.sources.services.table import Service, service, service_names
from oggstream.sources.services.table_files import VARIABLE, user_path

MINE = """
[mine]
base_url = "http://localhost:{port}"
path = "/say"
json = { text = "{text}", voice = "{voice}" }
voice = "bob"

[mine.environment]
port = ["MINE_PORT"]

[deepgram]
voice = "aura-2-mine"
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of services, named by the variable."""
    path = tmp_path / "own.toml"
    path.write_text(MINE)
    monkeypatch.setenv(VARIABLE, str(path))
    return path


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.mark.usefixtures("own")
def test_file_adds_services_and_changes_what_it_names_of_others() -> None:
    assert service("mine").voice == "bob"
    assert service("mine").known >= {"text", "port"}
    assert service("deepgram").voice == "aura-2-mine"
    assert service("deepgram").environment == {"key": ["DEEPGRAM_API_KEY"]}
    assert "mine" in service_names()


@pytest.mark.skipif("sys.platform == 'win32'")
@pytest.mark.parametrize("place", ["pipe", "/dev/zero", "/dev/null", "."])
def test_a_pipe_or_a_device_is_no_file_of_services_and_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    monkeypatch.setenv("OGGSTREAM_SERVICES", place)
    with pytest.raises(ConfigError, match="cannot read the services in"):
        service("deepgram")


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 100_000,
        "x = 1" + "0" * 5000,
        "x = 2020-13-45",
        "\0",
        "#" + "x" * (1 << 20),
        '[mine]\nbase_url = "http://h"\nneeds = [[1]]',
        '[mine]\nbase_url = "http://h"\nneeds = [1]',
        '[mine]\nbase_url = "http://h"\nheaders = {a = 1}',
        '[mine]\nbase_url = "http://h"\nadvice = {"401" = []}',
        '[mine]\nbase_url = "http://h"\nlongest_text = true',
        '[mine]\nbase_url = "http://h"\nformats = {opus = 3}',
    ],
)
def test_odd_toml_is_no_foreign_error(own: Path, text: str) -> None:
    own.write_text(text)
    with pytest.raises((ConfigError, UsageError)):
        service("mine")


@pytest.mark.skipif("sys.platform == 'win32'")
def test_file_in_the_users_folder_is_read_and_the_named_one_goes_before_it(own: Path) -> None:
    path = Path(user_path())
    path.parent.mkdir(parents=True)
    path.write_text('[mine]\nvoice = "eve"\nmodel = "m"\n[other]\nbase_url = "http://host"\n')
    assert (service("mine").voice, service("mine").model) == ("bob", "m")
    assert service("other").formats == {"opus": "opus"}
    own.unlink()
    with pytest.raises(ConfigError, match=r"cannot read the services in .*own\.toml: No such file"):
        service("other")


def test_unknown_service_tells_the_known_ones_and_how_to_add_one() -> None:
    with pytest.raises(UsageError) as caught:
        service("nobody")
    assert str(caught.value) == (
        f"unknown service 'nobody': use one of {', '.join(service_names())}, "
        "or describe it in a file that OGGSTREAM_SERVICES names"
    )
    assert ", azure, cartesia, deepgram," in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[mine", "it must be TOML"),
        ("voice = 'bob'", "'voice' stands outside a table"),
        ("[mine]\nvoice = 'bob'", None),
    ],
)
def test_damaged_files_are_told_by_their_path(own: Path, text: str, says: str | None) -> None:
    own.write_text(text)
    if says is None:
        with pytest.raises(UsageError, match="'mine' cannot be used: it has no base_url"):
            service("mine")
        return
    with pytest.raises(ConfigError, match=f"own.toml: .*{says}"):
        service("mine")


def test_file_in_another_encoding_is_no_toml(own: Path) -> None:
    own.write_bytes(b"[mine]\nvoice = '\xff'")
    with pytest.raises(ConfigError, match="must be TOML"):
        service("mine")


def test_a_service_that_makes_no_sense_does_not_disturb_the_others(own: Path) -> None:
    own.write_text("[mine]\nbase_url = 7\n[other]\nbase_url = 'http://host'\n")
    assert service("other").base_url == "http://host"
    with pytest.raises(UsageError, match="'mine' cannot be used: base_url is no str"):
        service("mine")


@pytest.mark.parametrize("entry", ["colour = 'red'", "name = 'other'"])
def test_entry_that_there_is_not_is_named(own: Path, entry: str) -> None:
    own.write_text(f"[mine]\nbase_url = 'http://host'\n{entry}\n")
    with pytest.raises(UsageError, match=f"there is no entry '{entry.partition(' ')[0]}'"):
        service("mine")


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({"path": 7}, "path is no str"),
        ({"query": "a=b"}, "query is no table"),
        ({"longest_text": 0}, "longest_text must be positive"),
        ({"json": {}, "xml": ""}, "a request has one body"),
        ({"formats": {}}, "formats are among opus, pcm, wav"),
        ({"formats": {"mp3": "mp3"}}, "formats are among opus, pcm, wav"),
        (
            {"path": "/{who}"},
            r"path has the field \{who\}; there are format, instructions, language, language_base, mod",
        ),
        ({"ipa": 5}, "ipa is no str"),
        ({"ipa": "<{word}>"}, "ipa is no text with {ipa}"),
        ({"ipa": "{ipa} {text}"}, "ipa is no text with {ipa}"),
        ({"ipa": "{ipa} {ipa}"}, "ipa is no text with {ipa}"),
        ({"ipa": {"*": 5}}, "ipa is no text with {ipa}"),
        ({"environment": {"key": "A_KEY"}}, "environment.key is no list of names"),
        ({"formats": {"opus": 3}}, "formats.opus is neither a text nor a table"),
        ({"xml": "<{text>"}, "is no field"),
        ({"needs": ["key"]}, r"needs has the field \{key\}"),
        ({"json": {}, "form": {}}, "a request has one body"),
        ({"multipart": "text"}, "multipart is no table"),
        ({"audio": {"as": "hex"}}, "audio.at is missing"),
        ({"audio": {"at": "a", "as": "octal"}}, "audio.as is one of base64, hex"),
        ({"audio": {"at": 3}}, "audio.at is no text"),
        ({"audio": {"at": "a", "where": "b"}}, "audio has no entry 'where'; there are at, as"),
        ({"words": {"text": "w", "start": "s"}}, "audio.at is missing"),
        ({"audio": {"at": "a"}, "words": {"text": "w"}}, "words.start is missing"),
        ({"audio": {"at": "a"}, "words": {"text": "w", "start": "s", "unit": "h"}}, "words.unit is one of s, ms"),
        ({"audio": {"at": "a"}, "words": {"text": "w", "start": "s", "each": "line"}}, "words.each is one of word, ch"),
        ({"audio": {"at": "a"}, "words": {"text": "w", "start": "s", "when": 1}}, "words.when is no table"),
        ({"before": {"words": 3}}, "before has no entry 'words'; there are characters, requests, except"),
        ({"before": {"characters": -1}}, "before.characters is no number"),
        ({"before": {"except": "v3"}}, "before.except is no list of models"),
        ({"json": {"p": "{previous_text}"}}, r"json has the field \{previous_text\}"),
    ],
)
def test_descriptions_that_make_no_sense_are_refused(entries: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Service(name="mine", base_url="http://host", **entries)


def test_the_model_decides_how_phonemes_are_written() -> None:
    mine = Service(name="m", base_url="http://h", ipa={"flash_v2": "/{ipa}/", "aura-*-en": "<{ipa}>"})
    models = ("flash_v2", "flash_v2_5", "aura-x-en", "aura-x-de", "")
    assert [mine.ipa_of(model) for model in models] == ["/{ipa}/", None, "<{ipa}>", None, None]
    assert Service(name="m", base_url="http://h", ipa="/{ipa}/").ipa_of("any") == "/{ipa}/"
    assert Service(name="m", base_url="http://h").ipa_of("any") is None


def test_formats_bring_fields() -> None:
    mine = Service(name="m", base_url="http://h/{f}", formats={"opus": "o", "pcm": {"f": "p", "rate": 8000}})
    assert mine.format_fields("opus") == {"format": "o"}
    assert mine.format_fields("pcm") == {"f": "p", "rate": 8000}
    assert mine.used == {"f"}
