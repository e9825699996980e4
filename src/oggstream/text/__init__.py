"""Text on its way to speech: what a model writes, made speakable and cut into pieces that are asked for one by one."""
