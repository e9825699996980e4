"""An application that speaks, and its tests: what is heard, and when, from recorded answers and in no time."""
