"""The neural voice hibari: English text to 24 kHz speech, by numpy alone. Knows no process and no stream."""
