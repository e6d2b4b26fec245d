"""Waiting for events, with a limit. No test sleeps for a guessed time."""

import time


class Late(AssertionError):
    """What was waited for did not happen within the limit."""


# Sanitizers and valgrind make everything slower; limits are stretched, never the tests.
STRETCH = 1.0


def until(what, limit, condition, step=0.02):
    """Calls condition until it gives something true, and returns that.

    what: words for the message, or a function that makes them when it is late.
    """
    end = time.monotonic() + limit * STRETCH
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() >= end:
            words = what() if callable(what) else what
            raise Late(f"after {limit * STRETCH:.0f} s still not: {words}")
        time.sleep(step)
