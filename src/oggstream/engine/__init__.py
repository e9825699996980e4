"""The pump: moves a body from a source through the decoder into a ring, and owns timing, failure and cancellation."""
