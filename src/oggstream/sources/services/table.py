"""What is known about speech services: how each is asked, from the table of this package and from the user's own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from ...errors import UsageError
from ...options import FORMATS
from ..http.redaction import is_secret_name
from .places import in_url
from .speech_memory import check_before
from .table_files import VARIABLE, tables_of
from .telling import check_audio, check_words
from .templates import Fields, field_names, fill_text

if TYPE_CHECKING:
    from .socket_table import Socket

_OTHERWISE = ("path", "query", "json", "form", "multipart", "audio", "words", "before")
_FILLED = ("base_url", "path", "query", "headers", "json", "xml", "form", "multipart")
_HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # RFC 9110 section 5.6.2
LIST_ENTRIES = ("path", "list", "id", "languages", "description")
"""What ``voices`` of a service may say of its list."""
_SPEECH = frozenset({"text", "voice", "model", "instructions", "speed", "format", "language", "language_base"})
_BEFORE = {"previous_text": "characters", "previous_request_ids": "requests"}  # fields of ``before``
_KINDS: dict[str, tuple[type, ...]] = {
    "base_url": (str,),
    "path": (str,),
    "method": (str, type(None)),
    "query": (Mapping,),
    "headers": (Mapping,),
    "json": (Mapping, type(None)),
    "xml": (str, type(None)),
    "form": (Mapping, type(None)),
    "multipart": (Mapping, type(None)),
    "environment": (Mapping,),
    "needs": (list, tuple),
    "defaults": (Mapping,),
    "formats": (Mapping,),
    "voice": (str, type(None)),
    "model": (str, type(None)),
    "longest_text": (int, type(None)),
    "requests": (int, type(None)),
    "advice": (Mapping,),
    "voices": (Mapping,),
    "ipa": (str, Mapping, type(None)),
    "audio": (Mapping,),
    "words": (Mapping,),
    "before": (Mapping,),
    "base_end": (str,),
    "otherwise": (Mapping,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """How a speech service is asked. The entries are those of ``services.toml``, which explains them.

    Without ``path``, ``json`` and ``xml`` it is asked over its ``socket`` only.

    Texts may hold fields (`templates`): ``text``, ``voice``, ``model``, ``instructions``, ``speed``, ``format``,
    ``language``, ``language_base``, and those of ``environment``, ``defaults`` and the formats. Raises `UsageError` for
    an entry that makes no sense.
    """

    name: str
    base_url: str
    path: str = ""
    method: str | None = None
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, Any] | None = None
    xml: str | None = None
    form: Mapping[str, Any] | None = None
    multipart: Mapping[str, Any] | None = None
    environment: Mapping[str, Sequence[str]] = field(default_factory=dict)
    needs: Sequence[str] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    formats: Mapping[str, str | Mapping[str, Any]] = field(default_factory=lambda: {"opus": "opus"})
    voice: str | None = None
    model: str | None = None
    longest_text: int | None = None
    requests: int | None = None
    advice: Mapping[str, str] = field(default_factory=dict)
    voices: Mapping[str, Any] = field(default_factory=dict)
    socket: Socket | Mapping[str, Any] | None = None
    ipa: str | Mapping[str, str] | None = None
    audio: Mapping[str, Any] = field(default_factory=dict)
    words: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)
    base_end: str = ""
    otherwise: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, kinds in _KINDS.items():
            if not isinstance(getattr(self, name), kinds):
                raise self._wrong(f"{name} is no {kinds[0].__name__.lower().replace('mapping', 'table')}")
        if sum(body is not None for body in self.bodies) > 1:
            raise self._wrong("give json, xml, form or multipart, a request has one body")
        if not self.formats or not set(self.formats) <= set(FORMATS[1:]):
            raise self._wrong(f"formats are among {', '.join(FORMATS[1:])}")
        self._check_numbers()
        self._check_texts()
        self._check_places()
        self._check_list()
        self._check_answer()
        for name, variables in self.environment.items():
            if not isinstance(variables, (list, tuple)) or not all(isinstance(item, str) for item in variables):
                raise self._wrong(f"environment.{name} is no list of names")
        for name, given in self.formats.items():
            if not isinstance(given, (str, Mapping)):
                raise self._wrong(f"formats.{name} is neither a text nor a table")
        self._check_fields()
        self._check_socket()
        self._check_ipa()
        if unknown := sorted(set(self.otherwise) - set(_OTHERWISE)):
            raise self._wrong(f"otherwise has no entry {unknown[0]!r}; there are {', '.join(_OTHERWISE)}")

    def _check_numbers(self) -> None:
        for name, number in (("longest_text", self.longest_text), ("requests", self.requests)):
            if isinstance(number, bool) or (number is not None and number < 1):
                raise self._wrong(f"{name} must be positive")

    def _check_texts(self) -> None:
        places = {"needs": self.needs, "headers": self.headers.values(), "advice": self.advice.values()}
        for place, texts in places.items():
            if not all(isinstance(text, str) for text in texts):
                raise self._wrong(f"{place} holds something that is no text")

    def _check_places(self) -> None:
        if not re.fullmatch(r"[A-Za-z]+", self.method or "POST"):
            raise self._wrong("method is a word, such as POST")
        if self.path[:1] not in ("", "/", "?"):
            raise self._wrong("path begins with /, so that it cannot change the host")
        if odd := [name for name in self.headers if not re.fullmatch(_HEADER_NAME, str(name))]:
            raise self._wrong(f"{odd[0]!r} is no name of a header")

    def _check_list(self) -> None:
        """The entries of ``voices``: texts and lists of texts, one of which is its path."""
        if unknown := sorted(set(self.voices) - set(LIST_ENTRIES)):
            raise self._wrong(f"voices has no entry {unknown[0]!r}; there are {', '.join(LIST_ENTRIES)}")
        for name, given in self.voices.items():
            if not all(isinstance(text, str) for text in (given if isinstance(given, list) else [given])):
                raise self._wrong(f"voices.{name} is neither a text nor a list of texts")
        if self.voices and str(self.voices.get("path", ""))[:1] != "/":
            raise self._wrong("voices.path begins with /")

    def _check_answer(self) -> None:
        """Where sound and words are in the answer, and what is said of the speech before."""
        try:
            if self.audio or self.words:
                check_audio(self.audio)
            if self.words:
                check_words(self.words)
            check_before(self.before)
        except UsageError as error:
            raise self._wrong(str(error)) from error

    def _check_fields(self) -> None:
        try:
            used = {name: field_names(getattr(self, name)) for name in _FILLED}
        except UsageError as error:
            raise self._wrong(str(error)) from error
        used["needs"] = set(self.needs)
        for place, names in used.items():
            if unknown := sorted(names - self.known):
                raise self._wrong(f"{place} has the field {{{unknown[0]}}}; there are {', '.join(sorted(self.known))}")

    def _check_socket(self) -> None:
        """Read the table of ``socket``, and check its fields as those of a request."""
        if isinstance(self.socket, Mapping):
            from .socket_table import socket_from

            try:
                object.__setattr__(self, "socket", socket_from(self.socket))
            except UsageError as error:
                raise self._wrong(str(error)) from error
            self.over_socket()

    def over_socket(self) -> Service:
        """The same service as it is asked over its socket: ``json`` has what is sent. Raises `UsageError`."""
        socket = self.socket
        if socket is None or isinstance(socket, Mapping):
            raise self._wrong("it has no socket")
        return replace(
            self,
            base_url=socket.base_url or self.base_url,
            path=socket.path,
            query=socket.query,
            headers=self.headers if socket.headers is None else socket.headers,
            formats=socket.formats or self.formats,
            json={"messages": socket.messages},
            xml=None,
            form=None,
            multipart=None,
            audio={},
            words={},
            before={},
        )

    @property
    def older(self) -> Service | None:
        """The same service where it does not know the path: with what ``otherwise`` says. None: there is no other."""
        return replace(self, **self.otherwise, otherwise={}) if self.otherwise else None

    @property
    def over_http(self) -> bool:
        """Whether it is asked over HTTP, too."""
        return self.socket is None or bool(self.path or any(self.bodies))

    def _check_ipa(self) -> None:
        """The ways of writing phonemes: texts with one ``{ipa}``, and at most one ``{word}``."""
        ways: list[Any] = list(self.ipa.values()) if isinstance(self.ipa, Mapping) else [self.ipa]
        for way in ways if self.ipa is not None else ():
            names = field_names(way) if isinstance(way, str) else set()
            if "ipa" not in names or not names <= {"ipa", "word"} or max(map(way.count, ("{ipa}", "{word}"))) > 1:
                raise self._wrong("ipa is no text with {ipa} and, if wanted, {word}")

    def ipa_of(self, model: str) -> str | None:
        """How a model is given phonemes; None: not at all."""
        if not isinstance(self.ipa, Mapping):
            return self.ipa
        from fnmatch import fnmatchcase

        return next((way for models, way in self.ipa.items() if fnmatchcase(model, models)), None)

    @property
    def known(self) -> frozenset[str]:
        """The names of all fields that there are."""
        brought = {name for given in self.formats.values() if isinstance(given, Mapping) for name in given}
        before = {name for name, entry in _BEFORE.items() if self.before.get(entry)}
        own = set() if self.socket is None else {"context"}
        return _SPEECH | set(self.environment) | set(self.defaults) | brought | before | own

    @property
    def bodies(self) -> tuple[Any, ...]:
        """What describes the body of a request: one of them, or none."""
        return self.json, self.xml, self.form, self.multipart

    @property
    def used(self) -> frozenset[str]:
        """The fields that a request holds."""
        return frozenset().union(*(field_names(getattr(self, name)) for name in _FILLED))

    def filled_base_url(self, fields: Fields) -> str:
        """The base URL; a field that is all of it is a URL itself. Raises `MissingField`."""
        whole = re.fullmatch(r"\{[^{}]*\}", self.base_url) is not None
        return fill_text(self.base_url, fields, str if whole else in_url)

    @property
    def credentials(self) -> frozenset[str]:
        """The fields whose values are shown nowhere: ``key``, and all of ``environment`` but addresses and choices.

        An address is ``base_url`` itself, or a field of its host part whose name is not that of a credential.
        """
        host = "/".join(self.base_url.split("/", 3)[:3])
        addresses = {name for name in field_names(host) if not is_secret_name(name)}
        return frozenset({"key", *self.environment}) - addresses - _SPEECH - {"base_url"}

    def format_fields(self, name: str) -> Mapping[str, Any]:
        """What asking for a format brings."""
        given = self.formats[name]
        return {"format": given} if isinstance(given, str) else given

    def _wrong(self, why: str) -> UsageError:
        return UsageError(f"the service {self.name!r} cannot be used: {why}")


def service(name: str) -> Service:
    """The service of that name.

    Raises `UsageError` if there is none or its description makes no sense, `ConfigError` for a file of services.
    """
    tables = tables_of(name)
    if name not in tables:
        todo = f"use one of {', '.join(service_names())}, or describe it in a file that {VARIABLE} names"
        raise UsageError(f"unknown service {name!r}: {todo}")
    table = tables[name]
    if unknown := sorted(set(table) - {known.name for known in fields(Service)} | set(table) & {"name"}):
        raise UsageError(f"the service {name!r} cannot be used: there is no entry {unknown[0]!r}")
    if "base_url" not in table:
        raise UsageError(f"the service {name!r} cannot be used: it has no base_url")
    return Service(name=name, **table)


def service_names() -> list[str]:
    """The names of all services there are. Raises `ConfigError` for a file that cannot be read."""
    return sorted(tables_of())
