"""`freeinference serve --executor` in front of vLLM."""

import tempfile
from pathlib import Path

from case import VLLMCase
from quickstart import assert_streams


class Quickstart(VLLMCase):
    def test_the_line_that_is_shown_streams(self):
        with tempfile.TemporaryDirectory() as folder:
            assert_streams(self, Path(folder), self.engines["tcp"].port)
