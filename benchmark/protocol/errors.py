"""Errors that users see as one line.

    UserError                   what a user can mend; printed without a traceback, exit status 2
      NotAloneError             another benchmark is at the same runs (tracking/lease.py)
      StoreUnavailableError     the tracking store stayed away or is full (tracking/retry.py)
    DivergedError               a number stopped being finite: fails that run (training/loop.py)

Exit statuses: 0 all runs finished, 1 some failed, 2 an error of the user's, 130 stopped by hand.
"""

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
