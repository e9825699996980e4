"""What a command begins before it loads the rest: the first request to the service, or the process of the voice."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace

    from ..sources.http.dialling import Line


def dial_ahead(args: Namespace) -> None:
    """Begin the connection for the first request, and the request, where it is known already which it will be."""
    url = _url_of(args)
    if url is not None:
        from ..sources.http.dialling import dial

        line = dial(url, args.connect_timeout)
        if (
            line is not None and args.command == "say" and "asyncio" not in sys.modules
        ):  # a process that is warm is fast
            _send(line, args)
    elif _voice_speaks(args):
        from ..voice.ahead import begin

        begin((args.service or "").partition(":")[2], " ".join(args.text), args.language)


def _send(line: Line, args: Namespace) -> None:
    from ..sources.http.direct import send_ahead
    from .foreseen import foreseen

    request = foreseen(args)
    if request is not None:
        send_ahead(line, request)


def hang_up() -> None:
    """Close what `dial_ahead` began and nothing used."""
    dialling = sys.modules.get("oggstream.sources.http.dialling")
    if dialling is not None:
        dialling.hang_up()


def _url_of(args: Namespace) -> str | None:
    if args.command == "play":
        return args.input if args.input.startswith(("http://", "https://")) else None
    if args.command != "say" or args.text in ([], ["-"]) or args.service not in (None, "openai"):
        return None
    from ..sources.openai_api import BASE_URL, endpoint_url, environment, is_realtime

    base_url = args.base_url or environment("OPENAI_BASE_URL")
    if (not base_url and not os.environ.get("OPENAI_API_KEY", "").strip()) or is_realtime(args.model or ""):
        return None
    return endpoint_url(base_url or BASE_URL, "audio/speech")


def _voice_speaks(args: Namespace) -> bool:
    """Whether a voice of this machine will speak, as far as can be told without looking at the services."""
    if args.command != "say" or args.base_url:
        return False
    if args.service is not None:
        return str(args.service).partition(":")[0] == "offline"
    return not any(name.endswith(("_KEY", "_TOKEN")) for name in os.environ) and not os.environ.get("OPENAI_BASE_URL")
