"""Speech services on loopback whose sound comes in JSON, as strict as they are documented to be.

Those that tell words speak a character in 50 ms, and a word as it stands in the text.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from shape_parts import BODIES, KEY, bearer, refusal

SECONDS = 0.05
"""Of a character."""
_PARTS = 3  # messages of a body


def truth(text: str) -> list[tuple[str, float, float]]:
    """The words of ``text`` and when they are spoken."""
    return [
        (word[0], round(SECONDS * word.start(), 3), round(SECONDS * word.end(), 3))
        for word in re.finditer(r"\S+", text)
    ]


async def elevenlabs(request: web.Request) -> web.StreamResponse:  # noqa: PLR0911 - a refusal each
    """Elevenlabs 2.78.0, text_to_speech/raw_client.py; its help page on errors 400 and 401."""

    def refuse(status: int, code: str, message: str) -> web.Response:
        return web.json_response({"detail": {"status": code, "message": message}}, status=status)

    voice = re.fullmatch(r"/v1/text-to-speech/([^/]+)/stream/with-timestamps", request.raw_path.partition("?")[0])
    if request.method != "POST" or voice is None:
        return web.json_response({"detail": "Not Found"}, status=404)
    if request.headers.get("xi-api-key") != KEY:
        return refuse(401, "invalid_api_key", f"Invalid API key {request.headers.get('xi-api-key')}")
    if voice[1] == "unknown":
        return refuse(400, "voice_not_found", "A voice with voice_id unknown does not exist.")
    body = await request.json()
    if body["text"] == "too much":
        return refuse(401, "quota_exceeded", "This request exceeds your quota of 10000. You have 3 credits remaining.")
    known = {"text", "model_id", "voice_settings", "language_code", "previous_text", "previous_request_ids"}
    longest = len(body.get("language_code", "en")), len(body.get("previous_request_ids", []))
    if set(body) - known or longest > (2, 3):
        return web.json_response(
            {"detail": [{"loc": ["body", "speed"], "msg": "extra fields not permitted"}]}, status=422
        )
    if body["model_id"].startswith("eleven_v3") and set(body) & {"previous_text", "previous_request_ids"}:
        return refuse(400, "unsupported_model", "Providing previous_text is not yet supported with the 'v3' model.")
    kind = {"opus_48000_64": "opus", "pcm_24000": "pcm"}[request.query["output_format"]]
    messages = [
        {"audio_base64": part, "alignment": _alignment(body["text"], at), "normalized_alignment": None}
        for at, part in enumerate(_parts(kind))
    ]
    return _lines(messages, {"request-id": "el-1"})


def _alignment(text: str, part: int) -> dict[str, list[Any]]:
    size = -(-len(text) // _PARTS)
    places = range(part * size, min(len(text), (part + 1) * size))
    return {
        "characters": [text[at] for at in places],
        "character_start_times_seconds": [round(SECONDS * at, 3) for at in places],
        "character_end_times_seconds": [round(SECONDS * (at + 1), 3) for at in places],
    }


async def kokoro(request: web.Request) -> web.StreamResponse:
    """https://github.com/remsky/Kokoro-FastAPI, api/src/routers/development.py at 26eec06."""

    def refuse(status: int, code: str, message: str) -> web.Response:
        detail = {"error": code, "message": message, "type": "invalid_request_error"}
        return web.json_response({"detail": detail}, status=status)

    if request.method != "POST" or request.path != "/dev/captioned_speech":
        return web.json_response({"detail": "Not Found"}, status=404)
    body = await request.json()
    if body["model"] not in ("kokoro", "tts-1", "tts-1-hd"):
        return refuse(400, "invalid_model", f"Unsupported model: {body['model']}")
    if body["voice"] == "nobody":
        return refuse(400, "validation_error", "Voice 'nobody' not found. Available voices: af_bella, af_heart")
    if not isinstance(body.get("speed", 1.0), int | float) or body["stream"] is not True:
        return web.json_response({"detail": [{"loc": ["body", "speed"], "msg": "not a number"}]}, status=422)
    kind = body["response_format"]
    messages: list[dict[str, Any]] = [
        {"audio": part, "audio_format": f"audio/{kind}", "timestamps": []} for part in _parts(kind)
    ]
    messages[0]["timestamps"] = [
        {"word": word, "start_time": start, "end_time": end} for word, start, end in truth(body["input"])
    ]
    return _lines(messages, {})


async def inworld(request: web.Request) -> web.StreamResponse:
    """inworld-tts 1.2.1, _client.py; livekit-plugins-inworld 1.8.9, tts.py."""
    if request.method != "POST" or request.path != "/tts/v1/voice:stream":
        return web.json_response({"code": 5, "message": "Not Found", "details": []}, status=404)
    if request.headers.get("Authorization") != f"Basic {KEY}":
        return web.json_response({"code": 16, "message": "Unauthorized", "details": []}, status=401)
    body = await request.json()
    known = {"text", "voiceId", "modelId", "audioConfig", "timestampType", "timestampTransportStrategy", "temperature"}
    form = body["audioConfig"]
    if set(body) - known or len(body["text"]) > 2000 or body["timestampType"] not in ("WORD", "CHARACTER"):
        return web.json_response({"code": 3, "message": "Invalid argument", "details": []}, status=400)
    if body["voiceId"] == "nobody":
        error = {"error": {"code": 5, "message": "Unknown voice: nobody not found!", "details": []}}
        return _lines([error], {})  # with status 200
    kind = {("OGG_OPUS", 48000): "opus", ("PCM", 24000): "pcm"}[form["audioEncoding"], form["sampleRateHertz"]]
    words = truth(body["text"])
    messages = []
    for number, part in enumerate(_parts(kind)):
        told = words[number::_PARTS] if len(words) <= _PARTS else words if not number else []
        alignment = {
            "words": [word for word, _, _ in told],
            "wordStartTimeSeconds": [start for _, start, _ in told],
            "wordEndTimeSeconds": [end for _, _, end in told],
        }
        messages.append({"result": {"audioContent": part, "timestampInfo": {"wordAlignment": alignment}}})
    return _lines(messages, {})


async def gemini(request: web.Request) -> web.StreamResponse:
    """google-genai 3.6.1, models.py; livekit-plugins-google 1.8.9, beta/gemini_tts.py."""
    model = re.fullmatch(r"/v1(?:beta)?/models/([^/]+):streamGenerateContent", request.path)
    if request.method != "POST" or model is None or request.query.get("alt") != "sse":
        return web.Response(status=404)
    if request.headers.get("x-goog-api-key") != KEY:
        message = "API key not valid. Please pass a valid API key."
        return web.json_response({"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}, status=400)
    body = await request.json()
    config = body["generationConfig"]
    speech = config["speechConfig"]  # in either spelling, as protocol buffers have it
    wanted = speech["voiceConfig"] if "voiceConfig" in speech else speech["voice_config"]
    voice = next(iter(wanted[next(iter(wanted))].values()))
    if config["responseModalities"] != ["AUDIO"] or not model[1].endswith(("-tts", "-tts-preview")):
        message = f"Model {model[1]} does not support audio; voice {voice}"
        return web.json_response({"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}, status=400)
    parts = [{"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": part}} for part in _parts("pcm")]
    messages: list[Any] = [{"candidates": [{"content": {"parts": [part], "role": "model"}}]} for part in parts]
    messages.append({"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"totalTokenCount": 7}})
    return _events(messages)


async def mistral(request: web.Request) -> web.StreamResponse:
    """Mistralai 3.7.0, client/models/speechrequest.py."""
    if request.method != "POST" or request.path != "/v1/audio/speech":
        return web.json_response({"message": "no Route matched with those values"}, status=404)
    if not bearer(request):
        return web.json_response({"detail": "Unauthorized"}, status=401)
    body = await request.json()
    if set(body) - {"model", "input", "voice_id", "response_format", "stream"} or body["stream"] is not True:
        return web.json_response({"object": "error", "message": "Extra inputs", "code": "3051"}, status=422)
    messages: list[Any] = [
        {"type": "speech.audio.delta", "audio_data": part} for part in _parts(body["response_format"])
    ]
    return _events([*messages, {"type": "speech.audio.done", "usage": {"total_tokens": 7}}], named=True)


async def together(request: web.Request) -> web.StreamResponse:
    """Together 3.1.1, types/audio/speech_create_params.py."""
    if request.method != "POST" or request.path != "/v1/audio/speech":
        return refusal(404, "Not Found")
    if not bearer(request):
        return refusal(401, "Invalid API key provided", "invalid_api_key")
    body = await request.json()
    if body["stream"] and (body["response_format"], body["response_encoding"]) != ("raw", "pcm_s16le"):
        return refusal(400, "response_format must be raw for streaming")
    if not body["stream"]:
        return web.Response(body=BODIES[body["response_format"]], content_type="application/octet-stream")
    messages = [{"object": "audio.tts.chunk", "model": body["model"], "b64": part} for part in _parts("pcm")]
    return _events([*messages, "[DONE]"])


def _parts(kind: str) -> list[str]:
    body = BODIES[kind]
    size = -(-len(body) // _PARTS)
    return [b64encode(body[at : at + size]).decode() for at in range(0, len(body), size)]


def _lines(messages: Iterable[Any], headers: dict[str, str]) -> web.Response:
    text = "".join(f"{json.dumps(message)}\n" for message in messages)
    return web.Response(body=text.encode(), headers={"Content-Type": "application/json", **headers})


def _events(messages: Iterable[Any], *, named: bool = False) -> web.Response:
    parts = []
    for message in messages:
        data = message if isinstance(message, str) else json.dumps(message)
        name = f"event: {message['type']}\n" if named else ""
        parts.append(f"{name}data: {data}\n\n")
    return web.Response(body="".join(parts).encode(), headers={"Content-Type": "text/event-stream"})


SHAPES = {
    "elevenlabs": elevenlabs,
    "gemini": gemini,
    "inworld": inworld,
    "kokoro": kokoro,
    "mistral": mistral,
    "together": together,
}
