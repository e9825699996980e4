"""Where the sound goes: a device, a WAV file, a simulated device."""
