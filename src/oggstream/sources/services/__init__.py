"""Speech services by name: a table of how each is asked over HTTP, and the one source that runs the table."""
