"""What the concierge says, in plain words: `language` makes the sentences, and each language has a file of its words.

Every number in a sentence comes from a `Reasons` or from an error of the tools. Visitors' own words appear only in
quotation marks.
"""
