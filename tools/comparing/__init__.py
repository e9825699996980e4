"""The code of tools/compare: plays the corpus of damaged streams with oggstream and with other decoders."""
