"""Samples: frames, the ring between the event loop and the audio thread, WAV files, conversion to a device's format."""
