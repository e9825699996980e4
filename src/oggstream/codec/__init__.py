"""libopus: finding it, decoding and encoding with it. Knows packets, frames and buffers, no container."""
