"""What `oggstream --help` and the help of each command show."""

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
       oggstream daemon | stop
       oggstream devices
       oggstream voices
       oggstream doctor
       oggstream completion bash|zsh|fish

Speaks text with low latency: streamed Ogg Opus, decoded packet by packet.

commands:
  say       speak a text, or standard input as it arrives (the default: a first word that is no command is text)
  chat      ask a chat model, and speak the answer while it is written
  play      play Ogg Opus and other sound: a file, a URL, or standard input
  decode    decode it to WAV
  inspect   say whether Ogg Opus is whole, and what is in it: links, headers, tags, damage, packets
  record    speak to a capture: what came, and when
  replay    play captures as they came, and report their latency
  serve     be a speech endpoint like OpenAI's, in front of a service or the offline voice
  daemon    stay, and keep everything warm: later calls sound at once
  stop      silence all that speaks by the daemon
  devices   list the output devices
  voices    list the voices of this machine or of a service, and let one be heard
  completion  print the script with which a shell completes all this
  doctor    check libraries, device, key and endpoint, and say what to do

options:
  -h, --help     this, or behind a command its own options; `oggstream help COMMAND` is the same
  -V, --version  the version

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

_SAY = """\
Standard input is spoken as it arrives: the sound begins while a model is still writing.
Lines that are typed are spoken one by one. A further line waits for its turn, one that begins
with ! interrupts, an empty one stops what is being said, and Ctrl-D ends after the rest.
Ctrl-C stops the sound at once, and the program where nothing is said. Arrow keys edit a line and
bring earlier ones back. --json gives one object; that of several lines has their reports in
"speeches".

examples:
  oggstream say "Hello there."
  some-model | oggstream
  oggstream say --voice coral --instructions "Whisper." "Hello there."
  oggstream say -o hello.mp3 "Hello there."
  oggstream say --sink null --save hello.opus "Hello there."
  fortune | oggstream say --json --sink null
  oggstream say -- --dashes first"""

_CHAT = """\
Asks through the openai package (OPENAI_API_KEY, OPENAI_BASE_URL, or --chat-base-url) and writes
the answer to standard output as it is spoken. A line that is typed meanwhile interrupts it and is
the next question, an empty one only stops it; the model is told what was heard of its answer. It
ends with the answer, or once a line was typed with Ctrl-D. Without QUESTION it waits for one.
--json gives the report with "question" and "answer"; several are in "speeches".

examples:
  oggstream chat "Why is the sky blue?"
  oggstream chat
  oggstream chat --chat-base-url http://localhost:11434/v1 --chat-model llama3.2 "A story, please."
  echo "What is an ogg?" | oggstream chat --voice coral --system "You are a sailor.\""""

_PLAY = """\
examples:
  oggstream play speech.opus
  oggstream play https://example.org/live.opus --gain track
  curl -s https://example.org/speech.opus | oggstream play -"""

_DECODE = """\
examples:
  oggstream decode speech.opus speech.wav
  oggstream decode speech.opus speech.wav --rate 16000 --channels 1
  curl -s https://example.org/speech.opus | oggstream decode - - | aplay"""

_INSPECT = """\
examples:
  oggstream inspect speech.opus
  oggstream inspect speech.opus --packets | less
  oggstream inspect - --json < speech.opus | jq .links"""

_RECORD = """\
Writes NAME.ogg (or another container's ending), the bytes as they came, and NAME.arrivals.jsonl, when they came.
Several requests give NAME-1, NAME-2, and so on. No key gets into the files. Nothing is played unless --sink or
--device says where.

examples:
  oggstream record "Hello there." hello
  oggstream record --sink device --voice coral "Hello there." hello
  oggstream replay hello"""

_REPLAY = """\
With --sink null time is virtual: it takes no longer than the machine needs, and gives the same figures every time.
Otherwise a server on this machine sends the captures over HTTP, in real time. What earlier speeches have taught is not
used, unless --history names the file.

examples:
  oggstream replay hello
  oggstream replay --sink null --json captures/*.ogg | jq .summary
  oggstream replay --sink null --network lte.down --repeat 20 --seed 1 --report lte.html hello"""

_SERVE = """\
examples:
  oggstream serve
  oggstream serve --service elevenlabs,offline
  OGGSTREAM_SERVE_KEY=... oggstream serve --host 0.0.0.0 --port 8000
  curl -s http://127.0.0.1:8880/v1/audio/speech --json '{"input": "Hello."}' | oggstream play -
  curl -s http://127.0.0.1:8880/v1/live/kitchen --json '{"input": "Dinner."}'   # http://127.0.0.1:8880/live/kitchen"""

_DAEMON = """\
say, play, chat and piped text find it by themselves, and do all as without it: what they print, --json, exit status,
Ctrl-C. Each call has its own environment; no key stays here. Speeches wait for one another, unless they are given
--interrupt or --mix. OGGSTREAM_DAEMON=off leaves it out, OGGSTREAM_DAEMON=auto starts it with the first call.

examples:
  oggstream daemon &
  oggstream "Sounds at once."
  oggstream say --interrupt "This is more important."
  oggstream stop
  oggstream daemon --status
  oggstream daemon --stop"""

_STOP = """\
examples:
  oggstream stop"""

_DOCTOR = """\
examples:
  oggstream doctor
  OPENAI_BASE_URL=http://localhost:8880/v1 oggstream doctor --json"""

_DEVICES = """\
examples:
  oggstream devices
  oggstream say --device 3 "Hello there.\""""

_VOICES = """\
examples:
  oggstream voices
  oggstream voices --play fable
  oggstream voices --service elevenlabs
  oggstream voices --base-url http://localhost:8880/v1 --json"""

_COMPLETION = """\
examples:
  eval "$(oggstream completion bash)"                                       # in ~/.bashrc
  source <(oggstream completion zsh)                                        # in ~/.zshrc, behind compinit
  oggstream completion fish > ~/.config/fish/completions/oggstream.fish"""

EXAMPLES = {
    "completion": _COMPLETION,
    "say": _SAY,
    "chat": _CHAT,
    "play": _PLAY,
    "decode": _DECODE,
    "inspect": _INSPECT,
    "record": _RECORD,
    "replay": _REPLAY,
    "serve": _SERVE,
    "doctor": _DOCTOR,
    "daemon": _DAEMON,
    "stop": _STOP,
    "devices": _DEVICES,
    "voices": _VOICES,
}
"""What stands below the options of each command."""
