"""Speech services on loopback that answer with nothing but sound, as strict as they are documented to be."""

from __future__ import annotations

from email import message_from_bytes

from aiohttp import web

from shape_parts import KEY, bearer, refusal, sound

_WAV = "audio/wav"


async def groq(request: web.Request) -> web.Response:
    """Groq 1.7.0, types/audio/speech_create_params.py; its model gives WAV only."""
    if request.method != "POST" or request.path != "/openai/v1/audio/speech":
        return refusal(404, f"Unknown request URL: {request.method} {request.path}", "unknown_url")
    if not bearer(request):
        return refusal(401, "Invalid API Key", "invalid_api_key")
    body = await request.json()
    if set(body) - {"model", "input", "voice", "response_format", "sample_rate", "speed"}:
        return refusal(400, "property is unsupported")
    if not body["model"].startswith("canopylabs/"):
        return refusal(404, f"The model `{body['model']}` does not exist", "model_not_found")
    if body["response_format"] != "wav" or len(body["input"]) > 200:
        return refusal(400, "response_format must be wav, input of 200 characters at most")
    return sound("wav", _WAV, {"x-request-id": "gr-1"})


async def openrouter(request: web.Request) -> web.Response:
    """Openrouter 1.3.84, components/speechrequest.py."""
    if request.method != "POST" or request.path != "/api/v1/audio/speech":
        return refusal(404, "Not Found", "404")
    if not bearer(request):
        return refusal(401, "User not found.", "401")
    body = await request.json()
    known = {"model", "input", "voice", "response_format", "instructions", "speed"}
    if set(body) - known or body["response_format"] not in ("mp3", "pcm"):
        return refusal(400, "Invalid input", "400")
    return sound("pcm", "audio/pcm")


async def assemblyai(request: web.Request) -> web.Response:
    """https://www.assemblyai.com/docs/tts/api-reference/http-api/create-speech-openai."""
    if request.method != "POST" or request.path != "/v1/openai/audio/speech":
        return refusal(404, "Not Found", "not_found")
    if not bearer(request):
        return refusal(401, "Invalid API key", "invalid_api_key")
    body = await request.json()
    if not body["model"].removeprefix("assemblyai/").startswith("assemblyai-tts-"):
        return refusal(400, f"The model '{body['model']}' does not exist.", "model_not_found")
    return sound("pcm", "audio/pcm", {"x-request-id": "aai-1"})


async def rime(request: web.Request) -> web.Response:
    """livekit-plugins-rime 1.8.9, tts.py; https://docs.rime.ai/api-reference/coda/http."""
    if request.method != "POST" or request.path != "/v1/rime-tts":
        return web.Response(status=404)
    if not bearer(request):
        return web.json_response({"message": "Unauthorized"}, status=401)
    kinds = {"audio/ogg;codecs=opus": "opus", "audio/pcm": "pcm", _WAV: "wav"}
    accept = request.headers["Accept"]
    body = await request.json()
    if accept not in kinds or set(body) - {"text", "speaker", "modelId", "samplingRate", "lang"}:
        return web.json_response({"message": "Bad Request"}, status=400)
    return sound(kinds[accept], accept)


async def fish(request: web.Request) -> web.Response:
    """fish-audio-sdk 1.3.0, fishaudio/types/tts.py."""
    if request.method != "POST" or request.path != "/v1/tts":
        return web.json_response({"status": 404, "message": "Not Found"}, status=404)
    if not bearer(request):
        return web.json_response({"status": 401, "message": "Invalid api key"}, status=401)
    if request.headers["model"] not in ("s1", "s2-pro", "s2.1-pro"):
        return web.json_response({"status": 400, "message": "unknown model"}, status=400)
    body = await request.json()
    if (body["format"] == "opus") != (body.get("opus_bitrate") in (24, 32, 48, 64)):
        return web.json_response({"status": 400, "message": "opus_bitrate"}, status=400)
    types = {"opus": "audio/opus", "pcm": "application/octet-stream", "wav": _WAV}
    return sound(body["format"], types[body["format"]])


async def cartesia(request: web.Request) -> web.Response:
    """Cartesia 4.2.0, resources/tts.py."""
    if request.method != "POST" or request.path != "/tts/bytes":
        return web.Response(status=404, text="404 page not found")
    if request.headers.get("X-API-Key") != KEY or not request.headers.get("Cartesia-Version"):
        return web.Response(status=401, text="invalid API key")
    body = await request.json()
    form, voice = body["output_format"], body["voice"]
    if (voice.get("mode"), set(voice)) != ("id", {"mode", "id"}) or voice["id"] == "nobody":
        return web.Response(status=404, text="voice not found")
    if form["container"] not in ("raw", "wav") or form["encoding"] != "pcm_s16le" or form["sample_rate"] != 24000:
        return web.Response(status=400, text="invalid output_format")
    kind = "pcm" if form["container"] == "raw" else "wav"
    return sound(kind, "application/octet-stream" if kind == "pcm" else _WAV)


async def piper(request: web.Request) -> web.Response:
    """piper-tts 1.8.0, http_server.py: Flask, and no error is caught."""
    if request.method != "POST" or request.path != "/synthesize":
        return web.Response(status=405, text="<title>405 Method Not Allowed</title>", content_type="text/html")
    body = await request.json()
    if not body.get("text", "").strip():
        return web.Response(status=500, text="<title>500 Internal Server Error</title>", content_type="text/html")
    return sound("wav", "text/html; charset=utf-8")


async def pocket_tts(request: web.Request) -> web.Response:
    """pocket-tts 4.0.1, main.py: FastAPI's forms."""
    if request.method != "POST" or request.path != "/tts":
        return web.json_response({"detail": "Not Found"}, status=404)
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    parts = [part for part in message_from_bytes(head + await request.read()).walk() if not part.is_multipart()]
    form = {part.get_param("name", header="Content-Disposition"): part.get_payload() for part in parts}
    if "text" not in form:
        return web.json_response({"detail": [{"loc": ["body", "text"], "msg": "Field required"}]}, status=422)
    if form.get("voice_url", "alba") not in ("alba", "marius"):
        return web.json_response({"detail": "voice_url must start with http://, https://, or hf://"}, status=400)
    return sound("wav", _WAV)


SHAPES = {
    "assemblyai": assemblyai,
    "cartesia": cartesia,
    "fish": fish,
    "groq": groq,
    "openrouter": openrouter,
    "piper": piper,
    "pocket-tts": pocket_tts,
    "rime": rime,
}
