"""What the concierge says, in plain words: one class a language, with the same methods.

Every number in a sentence comes from a `Reasons` or from an error of the tools. Visitors' own words are quoted, never
repeated as ours.
"""
