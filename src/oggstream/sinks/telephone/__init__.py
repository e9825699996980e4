"""Telephone calls, as their carriers hand them over: a WebSocket with messages of sound."""
