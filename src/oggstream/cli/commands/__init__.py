"""The commands: one module each, from parsed arguments to an outcome. Prints through `cli.terminal` only."""
