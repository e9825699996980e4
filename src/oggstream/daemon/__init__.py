"""A process that stays: it keeps interpreter, libraries and device warm for the next speech.

`client` hands a command over, `server` waits and begins `processes`, `worker` is that which speaks for one client.
"""
