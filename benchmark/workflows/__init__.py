"""One file or folder a command, from request to answer."""
