"""The audio callback in C under the sanitizers: tools/sanitize."""
