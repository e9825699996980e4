"""What is used to work on oggstream; no part of what is installed."""
