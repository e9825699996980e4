"""Speech in a browser: two servers that do the same (aiohttp, FastAPI), and the page that plays it."""
