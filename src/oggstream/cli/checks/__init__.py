"""What ``doctor`` looks at: each check returns findings, and what it finds missing has the command that mends it."""
