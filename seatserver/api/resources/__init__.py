"""One module or folder for each resource: its endpoints, schemas and examples."""
