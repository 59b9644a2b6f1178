"""What the server is compared with. Each module is a process of its own on 127.0.0.1."""
