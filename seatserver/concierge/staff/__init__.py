"""Staff's questions over the live figures: what sells slowly, what is refused, how kiosks and servers are.

Everything here only reads, and reads nothing of customers. Whoever may see `/ops` may ask; nobody else.
"""
