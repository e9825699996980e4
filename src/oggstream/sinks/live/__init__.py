"""One speech, many listeners: the broadcast, and the sinks that are heard elsewhere."""
