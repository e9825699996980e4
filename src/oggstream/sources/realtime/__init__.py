"""OpenAI's Realtime API as a voice: a WebSocket, its messages, and one stream of samples per piece of text."""
