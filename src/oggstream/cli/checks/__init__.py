"""The checks of ``doctor``: each returns findings, with the command that fixes what is wrong."""
