"""The cache of phrases: what was synthesised once sounds at once the next time, and is made once for all who ask."""
