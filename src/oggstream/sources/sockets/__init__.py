"""Speech services over WebSockets: one machine that runs the tables, and the connections that all of them share."""
