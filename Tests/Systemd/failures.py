"""How a check says that something is not as it should be."""


class Failed(Exception):
    """What was expected and what was seen instead."""


def expect(condition, text):
    """Fails with `text` unless `condition` holds."""
    if not condition:
        raise Failed(text)
