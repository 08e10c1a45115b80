"""The one error that a person sees without a traceback."""


class UserError(Exception):
    """What is wrong, where, and what to do about it, in one line.

    The command line prints it and exits with status 2. Anything else that is
    raised is a bug and keeps its traceback.
    """
