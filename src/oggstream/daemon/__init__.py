"""A process that stays: it keeps interpreter, libraries and device warm for the next speech.

`client` hands a command over, `server` waits and forks, `worker` is the process that speaks for one client.
"""
