"""The error that users see without a traceback."""

from __future__ import annotations

import re


class UserError(Exception):
    """An error in one line: what is wrong, where, and what to do about it.

    The command line prints it and exits with status 2. Any other exception is a bug and keeps
    its traceback.
    """

    def __init__(self, message: str) -> None:
        super().__init__(without_passwords(message))


def without_passwords(text: str) -> str:
    """Replace passwords and tokens in URLs by ``***``: ``http://me:***@host``."""
    text = re.sub(r"(://[^/\s:@]*):\S*@", r"\1:***@", text)
    return re.sub(r"(?i)([?&]\w*(?:password|token|secret)\w*=)[^&\s]*", r"\1***", text)
