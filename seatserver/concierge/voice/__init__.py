"""Spoken questions through the Gemini Live API: the model hears and reads aloud, and the concierge answers.

`line` is one connection to the model, `service` limits them in a process, and `turn` is one question from the first
sound to the last. No sound and no transcript is kept or logged.
"""
