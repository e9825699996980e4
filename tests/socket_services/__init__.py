"""Speech services that take text over a socket, one module each, on a real socket of 127.0.0.1.

Each is what the service is known to be, as strict; the head of its module says where that was read. Its maker's own
client (or LiveKit's or Pipecat's plugin) speaks with it in tools/conformance.

    async with Cartesia(pace=20).running() as service:
        ...  # connect to service.url, then look at service.said, service.talks, service.cancelled

What is spoken is made of tones whose places are known to the sample: see `speaking`. `service.Faults` are what a test
switches on to have an odd service.
"""
