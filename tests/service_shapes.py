"""Speech services on loopback, as their documentation describes them: requests, answers and refusals.

Each checks requests as strictly as the real one is documented to, and refuses with the same errors.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from xml.etree import ElementTree as ET

from aiohttp import web

import json_shapes
import plain_shapes
from shape_parts import KEY, OPUS, PCM, WAV, sound

__all__ = ["KEY", "OPUS", "PCM", "SHAPES", "WAV"]

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

_SSML = "{http://www.w3.org/2001/10/synthesis}"


async def deepgram(request: web.Request) -> web.StreamResponse:  # noqa: PLR0911 - a refusal each
    """https://developers.deepgram.com/reference/text-to-speech/speak-request and /docs/errors."""

    def refuse(status: int, code: str, message: str) -> web.Response:
        body = {"err_code": code, "err_msg": message, "request_id": "dg-1"}
        return web.json_response(body, status=status, headers={"dg-request-id": "dg-1"})

    query = request.query
    if request.method != "POST" or request.path != "/v1/speak":
        return refuse(404, "Not Found", "no such path")
    if request.headers.get("Authorization") != f"Token {KEY}":
        return refuse(401, "INVALID_AUTH", "Invalid credentials.")
    if not query["model"].startswith("aura-"):
        return refuse(400, "Bad Request", "No such model/version combination found.")
    if query["model"].endswith("-poor"):
        return refuse(402, "PAYMENT_REQUIRED", "Project does not have enough credits for the request.")
    body = await request.json()
    if set(body) != {"text"}:
        return web.json_response(
            {"category": "INVALID_JSON", "message": "Invalid JSON submitted.", "details": "unknown field"}, status=400
        )
    if len(body["text"]) > 2000:
        return refuse(413, "Bad Request", "Input text exceeds maximum character limit of 2000.")
    combination = (query["encoding"], query["container"], query.get("sample_rate"))
    kinds = {
        ("opus", "ogg", None): ("opus", "audio/ogg"),
        ("linear16", "none", "24000"): ("pcm", "audio/l16;rate=24000;channels=1"),
        ("linear16", "wav", "24000"): ("wav", "audio/wav"),
    }
    if combination not in kinds:
        return refuse(400, "UNSUPPORTED_AUDIO_FORMAT", "Unsupported audio format.")
    kind, content_type = kinds[combination]
    return sound(kind, content_type, {"dg-request-id": "dg-1"})


async def azure(request: web.Request) -> web.StreamResponse:  # noqa: PLR0911 - a refusal each
    """https://learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech: refusals may have no body."""
    if request.method != "POST" or request.path != "/cognitiveservices/v1":
        return web.Response(status=404)
    if request.headers.get("Ocp-Apim-Subscription-Key") != KEY:
        message = "Access denied due to invalid subscription key or wrong API endpoint."
        return web.json_response({"error": {"code": "401", "message": message}}, status=401)
    if request.headers.get("Content-Type") != "application/ssml+xml":
        return web.Response(status=415)
    if not request.headers.get("User-Agent"):
        return web.Response(status=400)
    speak = ET.fromstring(await request.text())
    voice = speak.find(f"{_SSML}voice")
    prosody = speak.find(f"{_SSML}voice/{_SSML}prosody")
    if speak.get("version") != "1.0" or voice is None or prosody is None:
        return web.Response(status=400, text="Synthesis failed: the SSML is not valid.")
    if voice.get("name") == "nobody":
        return web.Response(status=400, text="Unsupported voice nobody.")
    kinds = {
        "ogg-24khz-16bit-mono-opus": ("opus", "audio/ogg; codecs=opus"),
        "raw-24khz-16bit-mono-pcm": ("pcm", "audio/basic"),
        "riff-24khz-16bit-mono-pcm": ("wav", "audio/x-wav"),
    }
    kind, content_type = kinds[request.headers["X-Microsoft-OutputFormat"]]
    return sound(kind, content_type, {"X-RequestId": "az-1", "X-Heard": f"{prosody.get('rate')}"})


async def polly(request: web.Request) -> web.StreamResponse:
    """https://docs.aws.amazon.com/polly/latest/dg/API_SynthesizeSpeech.html, behind a proxy that signs."""

    def refuse(status: int, kind: str, message: str) -> web.Response:
        headers = {"x-amzn-ErrorType": kind, "x-amzn-RequestId": "aws-1"}
        return web.json_response({"message": message}, status=status, headers=headers)

    if request.method != "POST" or request.path != "/v1/speech":
        return refuse(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    body = await request.json()
    if body["VoiceId"] == "Unsigned":
        return refuse(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    if len(body["Text"]) > 3000:
        return refuse(400, "TextLengthExceededException", "Maximum text length has been exceeded")
    if body["Engine"] not in ("standard", "neural", "long-form", "generative"):
        return refuse(400, "ValidationException", "1 validation error detected: Value at 'engine' failed")
    kinds = {("ogg_opus", "48000"): ("opus", "audio/ogg"), ("pcm", "16000"): ("pcm", "audio/pcm")}
    kind, content_type = kinds[body["OutputFormat"], body["SampleRate"]]
    return sound(kind, content_type, {"x-amzn-RequestId": "aws-1"})


async def speaches(request: web.Request) -> web.StreamResponse:
    """https://speaches.ai/usage/text-to-speech and its src/speaches/routers/speech.py."""
    if request.method != "POST" or request.path != "/v1/audio/speech":
        return web.json_response({"detail": "Not Found"}, status=404)
    body = await request.json()
    if body["model"] == "absent":
        message = "Model 'absent' is not installed locally. You can download the model using `POST /v1/models`"
        return web.json_response({"detail": message}, status=404)
    if not 0.5 <= body.get("speed", 1.0) <= 2.0:
        return web.json_response({"detail": "speed must be between 0.5 and 2.0"}, status=422)
    types = {"opus": "audio/opus", "pcm": "audio/pcm", "wav": "audio/wav"}
    return sound(body["response_format"], types[body["response_format"]], {})


async def localai(request: web.Request) -> web.StreamResponse:
    """https://localai.io/features/text-to-audio: the body comes with its length, errors as OpenAI's with a number."""
    if request.method != "POST" or request.path != "/v1/audio/speech":
        return web.json_response({"error": {"code": 404, "message": "Resource not found", "type": ""}}, status=404)
    if request.headers.get("Authorization", f"Bearer {KEY}") != f"Bearer {KEY}":
        message = "An authentication key is required"
        return web.json_response({"error": {"code": 401, "message": message, "type": ""}}, status=401)
    body = await request.json()
    if body["model"] == "absent":
        message = "failed to load model with internal loader: could not load model"
        return web.json_response({"error": {"code": 500, "message": message, "type": ""}}, status=500)
    types = {"opus": "audio/ogg", "wav": "audio/x-wav"}
    return sound(body["response_format"], types[body["response_format"]], {})


SHAPES: dict[str, Answer] = {
    "azure": azure,
    "deepgram": deepgram,
    "localai": localai,
    "polly": polly,
    "speaches": speaches,
    **json_shapes.SHAPES,
    **plain_shapes.SHAPES,
}
