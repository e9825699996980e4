"""What tools/compare runs: the corpus of damaged streams, played by oggstream and by others."""
