"""An earlier build of FreeInference Edge, measured in the same run, which shows the cost of a change."""

from .freeinference import FreeInference
from .proxy import Unable


class Before(FreeInference):
    name = "before"

    @classmethod
    def find(cls, options):
        if not options.before:
            raise Unable("no earlier binary was named: --before PATH")
        return super().find(options)
