"""The operator's live view: what all instances do now, and which seats of a hall are in demand."""
