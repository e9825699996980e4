"""The voice without a key: espeak-ng, encoded with libopus, served over HTTP on this machine."""
