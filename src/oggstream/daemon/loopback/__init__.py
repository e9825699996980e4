"""How client and daemon reach each other where no descriptor can be passed (Windows): by TCP inside this machine.

Both prove that they are this user's (`proof`), and the standard files and signals of the client are frames of the
connection: `carrying` is the client's side, `relayed` that of the process that works for it.
"""
