"""The playing side of a speech: items decoded into the ring, and the account of what was heard."""
