"""Spoken questions through the Gemini Live API: the model hears and reads aloud, and the concierge answers.

`line` is one connection to the model, `service` what a process allows of them, `turn` one question from the first sound
to the last. No sound and no transcript is kept or logged.
"""
