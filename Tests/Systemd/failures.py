"""The exception by which a check fails."""


class Failed(Exception):
    """What was expected, and what was found instead."""


def expect(condition, text):
    """Fails with `text` unless `condition` holds."""
    if not condition:
        raise Failed(text)
