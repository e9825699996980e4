"""Files: opening, reading, replacing and locking them safely, and writing to what may keep a writer waiting."""
