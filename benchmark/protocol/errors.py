"""The one error that a person sees without a traceback."""

from __future__ import annotations

import re


class UserError(Exception):
    """What is wrong, where, and what to do about it, in one line.

    The command line prints it and exits with status 2. Anything else that is
    raised is a bug and keeps its traceback.
    """

    def __init__(self, message: str) -> None:
        super().__init__(without_passwords(message))


def without_passwords(text: str) -> str:
    """The text with ``***`` for the passwords in its URLs: ``http://me:***@host``."""
    text = re.sub(r"(://[^/\s:@]*):\S*@", r"\1:***@", text)
    return re.sub(r"(?i)([?&]\w*(?:password|token|secret)\w*=)[^&\s]*", r"\1***", text)
