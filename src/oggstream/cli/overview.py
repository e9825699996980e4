"""What `oggstream --help` shows."""

from __future__ import annotations

OVERVIEW = """\
usage: oggstream [say] [TEXT ...]
       oggstream chat [QUESTION ...]
       oggstream play PATH|URL|-
       oggstream decode IN OUT.wav
       oggstream inspect IN
       oggstream record TEXT NAME
       oggstream replay CAPTURE ...
       oggstream serve
       oggstream devices
       oggstream doctor

Speaks text with low latency: streamed Ogg Opus, decoded packet by packet.

commands:
  say       speak a text, or standard input as it arrives (the default: a first word that is no command is text)
  chat      ask a chat model, and speak the answer while it is written
  play      play an Ogg Opus stream
  decode    decode one to WAV
  inspect   say what is in one: links, headers, tags, pages, packets, damage
  record    speak to a capture: what came, and when
  replay    play captures as they came, and report their latency
  serve     be a speech endpoint like OpenAI's, with the offline voice
  devices   list the output devices
  doctor    check libraries, device, key and endpoint, and say what to do

options:
  -h, --help   this, or behind a command its own options
  --version    the version

examples:
  oggstream "Hello there."
  some-model | oggstream
  oggstream chat "Why is the sky blue?"
  OPENAI_API_KEY=... oggstream say --voice coral "Hello there."
  oggstream --base-url http://localhost:8880/v1 --model kokoro --voice af_heart "Hello there."
  oggstream play speech.opus
  oggstream decode speech.opus - | aplay
  oggstream inspect speech.opus

`python -m oggstream` is the same as `oggstream`."""
