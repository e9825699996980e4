"""The terminal: streams, the live line, keys, interrupts. Knows no command."""
