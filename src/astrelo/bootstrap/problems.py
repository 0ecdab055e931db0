"""What can be wrong outside of our code, reported to the person at the terminal."""


class Problem(Exception):
    """Ends a command with its message instead of a traceback: what happened, and what to do about it."""
