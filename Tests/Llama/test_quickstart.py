"""`freeinference serve --executor` in front of llama.cpp's engine."""

import tempfile
from pathlib import Path

from clients import Case
from quickstart import assert_streams


class Quickstart(Case):
    def test_the_line_that_is_shown_streams(self):
        with tempfile.TemporaryDirectory() as folder:
            assert_streams(self, Path(folder), self.engine.port)
