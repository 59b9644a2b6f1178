"""What visitors agreed to have kept of their conversations with the concierge: redacted, bounded, and deletable."""
