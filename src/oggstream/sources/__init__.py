"""Where the bytes come from: services, URLs, files, the offline voice."""
