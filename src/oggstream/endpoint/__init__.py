"""The speech endpoint of this machine: OpenAI's HTTP and Realtime APIs, answered by a voice. Knows no sinks."""
