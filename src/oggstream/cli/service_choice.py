"""Who speaks where no service is named: the one whose key is in the environment, and a word about that, once a day."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..sources.source import Source
    from .terminal.console import Console

A_DAY = 24 * 3600.0
_OPENAI = ("OPENAI_API_KEY", "OPENAI_BASE_URL")
_KEYS = ("_KEY", "_TOKEN")  # how the variables end that may hold the key of a service


def default_source(console: Console, **settings: Any) -> Source:
    """The source for who names none: OpenAI's where its variables are set, else a service whose key is, else ours."""
    from ..sources import resolve_source

    if settings.get("base_url") or any(os.environ.get(name, "").strip() for name in _OPENAI):
        return resolve_source.default_source(**settings)
    keyed = _keyed()
    if len(keyed) == 1:
        ((service, variable),) = keyed.items()
        if first_today(f"service-{service}"):
            console.note(f"{variable} is set: {service} speaks (--service offline for the voice of this machine)")
        return resolve_source.named(service, connect_timeout=settings["connect_timeout"])
    if keyed and first_today("services"):
        console.note(f"there are keys of {', '.join(keyed)}: choose with --service, or with OGGSTREAM_SERVICE")
    elif not first_today("offline"):
        console.pass_over(resolve_source.OFFLINE)
    return resolve_source.default_source(**settings)


def _keyed() -> dict[str, str]:
    """The services whose key, and what else they need, is in the environment, and the variable that holds the key.

    Of several with one key it is the first.
    """
    if not any(name.endswith(_KEYS) and value.strip() for name, value in os.environ.items()):
        return {}
    from ..sources.services.table import service, service_names

    found: dict[str, str] = {}
    for name in service_names():
        described = service(name)
        held = {
            field: variable
            for field, variables in described.environment.items()
            for variable in reversed(variables)
            if os.environ.get(variable, "").strip()
        }
        address = {field for field in described.environment if f"{{{field}}}" in described.base_url}
        if "key" in held and {*described.needs, *address} <= held.keys() and held["key"] not in found.values():
            found[name] = held["key"]
    return found


def first_today(name: str) -> bool:
    """Whether this is the first time in a day that this is asked for ``name``; always so where nothing can be kept."""
    from ..history import default_path

    mark = os.path.join(os.path.dirname(default_path()), f"told-{name}")
    now = time.time()
    with suppress(OSError):
        if 0 <= now - os.path.getmtime(mark) < A_DAY:
            return False
    with suppress(OSError):
        os.makedirs(os.path.dirname(mark), mode=0o700, exist_ok=True)
        with open(mark, "wb"):
            os.utime(mark)
    return True
