"""An earlier build of FreeInference Edge, beside the one that is measured: what a change costs, in one run."""

from .freeinference import FreeInference
from .proxy import Unable


class Before(FreeInference):
    name = "before"

    @classmethod
    def find(cls, options):
        if not options.before:
            raise Unable("no earlier binary was named: --before PATH")
        return super().find(options)
