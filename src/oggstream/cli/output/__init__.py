"""What commands print: tables, listings and JSON, as text. Reads no arguments and writes to no stream."""
