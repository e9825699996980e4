"""What every HTTP source shares: connections, requests, retries, errors, redaction. Knows no service by name."""
