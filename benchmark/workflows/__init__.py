"""One file or folder per command, from request to answer."""
