"""Bodies: whatever container a service sends, as Ogg Opus items or frames of sound."""
