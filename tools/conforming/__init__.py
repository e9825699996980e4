"""The makers' clients speak with the stand-ins of tests/socket_services: see tools/conformance."""
