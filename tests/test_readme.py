"""What the README and docs/ say: their code runs, commands, options, modules and names exist, links lead somewhere.

Every block of Python on every page runs, in names that `names` gives. One that is only a part of a program, or needs
another machine, is fenced as ``python fragment``: it compiles.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import dataclasses
import importlib
import inspect
import pydoc
import re
import shlex
import struct
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import CodeType, SimpleNamespace
from typing import Any

import pytest
from aiohttp import ClientSession, web

import oggstream
from chat_service import chunk
from oggstream.cli import arguments, options
from oggstream.opus.remux import Remuxer
from oggstream.report import PlaybackReport, PlayoutInfo
from oggstream.sinks import resolve_sink as select
from oggstream.sinks.device_sink import DeviceSink
from oggstream.sinks.sink import SinkTraits

ROOT = Path(__file__).parent.parent
PACKAGE = Path(oggstream.__file__).parent
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
PLAYOUT, TEXT, PYTHON, SERVICES = (DOCS / f"{name}.md" for name in ("playout", "text", "python", "services"))
ARCHITECTURE = DOCS / "architecture.md"
LONGEST_README = 200
KNOWN_OPTIONS = {*options.OPTIONS, "--help", "--version"}
OF_TOOLS = {
    "--no-speakable": "--speakable",
    "--all": "tools/test",
    "--only": "tools/bench",
    "--no-deps": "pip install",
    "--against": "tools/bench",
    "--fix": "tools/check",
    "--static": "tools/check",
    "--raw": "tools.fuzzing.voice",
    "--worst": "tools/fuzz",
    "--time": "docker stop",
    "--yes": "apt-get install",
    "--no-install-recommends": "apt-get install",
    "--no-cache-dir": "pip install",
}
"""Options of other programs than ours, and where they are spoken of."""


def blocks(page: Path, language: str) -> list[str]:
    """The blocks of code in a page that are fenced with ``language`` and nothing else."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def numbered(language: str) -> list[Any]:
    """The blocks of a language in all pages, each a test of its own."""
    found = [(page, number, code) for page in PAGES for number, code in enumerate(blocks(page, language), 1)]
    return [pytest.param(code, id=f"{page.stem}-{number}") for page, number, code in found]


@pytest.fixture(autouse=True)
def _no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is played goes to a simulated device, as anybody's speech would to a real one."""
    real = select.coerce_sink

    def silent(sink: object, _: object = None) -> Any:
        return (oggstream.NullSink(rate=48000), True) if sink in {None, "device"} else real(sink)

    monkeypatch.setattr(select, "coerce_sink", silent)
    monkeypatch.setattr(oggstream, "DeviceSink", no_device, raising=False)


def no_device(*args: Any, **options: Any) -> oggstream.NullSink:
    """A simulated device that takes the arguments of a real one."""
    inspect.signature(DeviceSink).bind(*args, **options)
    return oggstream.NullSink(rate=48000)


class Answers:
    """Stands in for a client of the openai package whose model answers with one sentence."""

    def __init__(self) -> None:
        self.chat = SimpleNamespace(completions=SimpleNamespace(create=self._create))

    async def _create(self, *, model: str, messages: list[Any], stream: bool) -> AsyncIterator[Any]:
        assert model
        assert stream

        async def chunks() -> AsyncIterator[Any]:
            for word in ("It ", "is ", "blue."):
                yield chunk({"content": word})

        return chunks()


class Body:
    """Stands in for an answer of somebody's own service."""

    content_type, request_id = "audio/ogg", None

    def __init__(self, response: object) -> None:
        self._chunks = iter([(ROOT / "tests" / "fixtures" / "generation_a.opus").read_bytes()])

    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        for chunk_ in self._chunks:
            return chunk_
        raise StopAsyncIteration


class Posts:
    """Stands in for an HTTP session."""

    @contextlib.asynccontextmanager
    async def post(self, url: str, **_: object) -> AsyncIterator[object]:
        yield object()


async def body() -> AsyncIterator[bytes]:
    """A file, as it might arrive."""
    yield (ROOT / "tests" / "fixtures" / "generation_a.opus").read_bytes()


async def tokens() -> AsyncIterator[str]:
    """What a model writes."""
    for word in ("This ", "grows. ", "So ", "it ", "does."):
        await asyncio.sleep(0)
        yield word


def names() -> dict[str, Any]:
    """What the examples take for granted."""
    return {
        "asyncio": asyncio,
        "contextlib": contextlib,
        "aclosing": contextlib.aclosing,
        "oggstream": oggstream,
        "struct": struct,
        "web": web,
        "Remuxer": Remuxer,
        "client": Answers(),
        "messages": [],
        "chunks": body(),
        "samples": bytes(4800),
        "tokens": tokens(),
        "tokens_from_a_model": tokens(),
        "source": None,
        "send": bytes,
        "session": Posts(),
        "URL": "http://localhost/",
        "MyStream": Body,
    }


async def execute(code: str) -> dict[str, Any]:
    """Run an example, which may use ``await`` as in ``python -m asyncio``; return what it leaves."""
    there = names()

    async def somebody_speaks() -> None:
        """Somebody interrupts, a moment after the first sound."""
        while not there["player"].position:  # noqa: ASYNC110  # as its users would
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)

    there["somebody_speaks"] = somebody_speaks
    compiled: CodeType = compile(code, "example", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(compiled, there)
    if inspect.isawaitable(result):
        await result
    return there


@pytest.mark.parametrize("code", [param for param in numbered("python") if "asyncio.run(" not in param.values[0]])
async def test_an_example_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    there = await execute(code)
    reports = [value for value in there.values() if isinstance(value, PlaybackReport)]
    assert all(report.completed for report in reports)


@pytest.mark.parametrize("code", numbered("python fragment"))
def test_a_fragment_compiles(code: str) -> None:
    compile(code, "fragment", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_block_of_python_is_fenced_in_a_way_that_nothing_checks(page: Path) -> None:
    fences = re.findall(r"^```(py.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(fences) <= {"python", "python fragment"}


def test_the_first_example_is_a_program_of_eight_lines(capsys: pytest.CaptureFixture[str]) -> None:
    code = blocks(README, "python")[0]
    assert len(code.strip().splitlines()) <= 8
    exec(compile(code, "README.md", "exec"), {"__name__": "__main__"})
    assert re.fullmatch(r"first sound after \d+\.\d{3} s, \d+ stalls\n", capsys.readouterr().out)


async def test_the_player_of_the_readme_is_heard_in_part() -> None:
    code = next(code for code in blocks(README, "python") if "Player(" in code)
    there = await execute(code)
    said = there["messages"][0]["content"]
    assert "Once upon a time there was a server. It was slow.".startswith(said)
    assert there["heard"].seconds > 0
    assert there["report"].segments[0].text == "Yes?"


@pytest.mark.parametrize("page", [README, PYTHON], ids=lambda page: page.stem)
async def test_the_endpoint_for_a_browser_answers_with_sound(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code = next(code for code in blocks(page, "python") if "async def speech" in code)
    async with (
        _served((await execute(code))["speech"]) as url,
        ClientSession() as session,
        session.get(url, params={"text": "Hello."}) as response,
    ):
        got = await response.read()
        assert response.content_type == "audio/ogg"

    async def answer() -> AsyncIterator[bytes]:
        yield got

    frames = [frame async for frame in oggstream.decode_stream(answer())]
    assert sum(len(frame.pcm) for frame in frames) > 10_000


@contextlib.asynccontextmanager
async def _served(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/speech", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/speech"
    finally:
        await runner.cleanup()


def commands() -> list[str]:
    """Every line in a block of shell that runs oggstream."""
    lines = [line for page in PAGES for code in blocks(page, "sh") for line in code.replace("\\\n", " ").splitlines()]
    stages = [stage.strip() for line in lines for stage in re.split(r" \| | && |;|&$", line)]
    return [stage for stage in stages if re.match(r"(\w+=\S* )*(oggstream|tools/run)\b", stage)]


@pytest.mark.parametrize("line", commands())
def test_a_command_is_understood(line: str) -> None:
    words = shlex.split(re.split(r"\boggstream\b|tools/run", line, maxsplit=1)[1], comments=True)
    words = words[: next((n for n, word in enumerate(words) if word in ("|", "&", ">", "<")), len(words))]
    assert arguments.parse(words).command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_options_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) - KNOWN_OPTIONS:
        assert option in OF_TOOLS, option
        assert OF_TOOLS[option] in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", text):
        assert (page.parent / target).exists(), target


def test_the_readme_is_read_in_three_minutes() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= LONGEST_README


def test_the_readme_names_every_page() -> None:
    text = README.read_text(encoding="utf-8")
    assert not [page.name for page in PAGES[1:] if f"({page.relative_to(ROOT).as_posix()})" not in text]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_and_folders_that_are_named_are_there(page: Path) -> None:
    """A path is given from the root of the project, or from that of the package."""
    code = re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8"))
    paths = [path for name in code for path in expanded(name)]
    assert not [path for path in paths if not (ROOT / path).exists() and not (PACKAGE / path).exists()]


def expanded(name: str) -> list[str]:
    """The paths that are meant by what stands in a page as code: none if it is no path of ours."""
    top = name.partition("/")[0]
    if not re.fullmatch(r"[\w.-]+/[\w./{},-]*", name) or not ((ROOT / top).is_dir() or (PACKAGE / top).is_dir()):
        return []
    before, brace, rest = name.partition("{")
    inside, _, after = rest.partition("}")
    return [before + part + after for part in inside.split(",")] if brace else [name]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_names_that_stand_behind_a_module_are_in_it(page: Path) -> None:
    """Such as in `ogg/page.py` `MAX_PAGE`."""
    pairs = re.findall(r"`([\w/]+)\.py` `(\w+)`", page.read_text(encoding="utf-8"))
    modules = [(importlib.import_module("oggstream." + path.replace("/", ".")), name) for path, name in pairs]
    assert not [(module.__name__, name) for module, name in modules if not hasattr(module, name)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_dotted_names_lead_somewhere(page: Path) -> None:
    names_ = set(re.findall(r"`(oggstream(?:\.\w+)+)[`(]", page.read_text(encoding="utf-8")))
    assert not [name for name in names_ - loggers() if pydoc.locate(name) is None]


def loggers() -> set[str]:
    """The names of all loggers that are no modules."""
    sources = (path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    return {name for source in sources for name in re.findall(r'getLogger\("(oggstream\.\w+)"\)', source)}


def test_modules_that_are_named_without_their_folder_are_there() -> None:
    known = {path.name for path in (*PACKAGE.rglob("*.py"), *ROOT.glob("t*/**/*.py"))}
    for page in PAGES:
        named = set(re.findall(r"`(\w+\.py)`", page.read_text(encoding="utf-8")))
        assert named <= known, page.name


def test_the_map_has_every_folder_and_every_layer() -> None:
    text = ARCHITECTURE.read_text(encoding="utf-8")
    folders = [path.parent.relative_to(PACKAGE).as_posix() for path in PACKAGE.glob("*/**/__init__.py")]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    modules = [name for layer in layers for name in layer.split(" | ") if (PACKAGE / f"{name}.py").exists()]
    places = [f"`{folder}/`" for folder in folders] + [f"`{module}.py`" for module in modules]
    assert not [place for place in places if place not in text]


def test_entries_of_services_in_toml_are_understood() -> None:
    for code in blocks(SERVICES, "toml"):
        assert tomllib.loads(code)


def test_every_option_of_playback_is_explained() -> None:
    text = PLAYOUT.read_text(encoding="utf-8") + TEXT.read_text(encoding="utf-8")
    missing = [field.name for field in dataclasses.fields(oggstream.PlaybackOptions) if f"`{field.name}`" not in text]
    assert not missing


@pytest.mark.parametrize(
    ("page", "described"),
    [
        ("python", oggstream.SpeechOptions),
        ("text", oggstream.Heard),
        ("extending", oggstream.SourceTraits),
        ("extending", SinkTraits),
        ("devices", DeviceSink),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_every_argument_is_explained_where_a_user_looks(page: str, described: type) -> None:
    text = re.sub(r"^```.*?^```", "", (DOCS / f"{page}.md").read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    assert not [name for name in inspect.signature(described).parameters if not re.search(rf"`{name}\b", text)]


@pytest.mark.parametrize("described", ["OggStreamError", "Event"])
def test_every_error_and_event_is_named(described: str) -> None:
    base = getattr(oggstream, described)
    found = (getattr(oggstream, name) for name in oggstream.__all__)
    names_ = [kind.__name__ for kind in found if isinstance(kind, type) and issubclass(kind, base) and kind is not base]
    text = PYTHON.read_text(encoding="utf-8")
    assert not [name for name in names_ if f"`{name}`" not in text]


def test_every_figure_of_playout_in_the_report_is_explained() -> None:
    text = PLAYOUT.read_text(encoding="utf-8")
    lab = ("clairvoyant_start", "clairvoyant_start_stretched", "regret")
    names_ = [*(field.name for field in dataclasses.fields(PlayoutInfo)), *lab]
    assert not [name for name in names_ if f"`{name}`" not in text]


def test_every_command_is_in_the_readme() -> None:
    text = README.read_text(encoding="utf-8")
    missing = [name for name in arguments._PARSERS if f"\noggstream {name}" not in text]
    assert not missing


@pytest.mark.parametrize(
    "row", re.findall(r"^\| .* \| .*`oggstream.*\|$", README.read_text(encoding="utf-8"), re.MULTILINE)
)
def test_a_command_in_a_table_of_the_readme_is_understood(row: str) -> None:
    for command in re.findall(r"`oggstream( [^`]*)`", row):
        assert arguments.parse(shlex.split(command)).command
