"""Prompts of 400,000 bytes with a short response: ordinary chat JSON with many messages."""

import json

from .scenario import against
from .short import Short

BYTES = 400_000
QUESTION = (
    'The function below returns "None" on the second call; why?\n\n```python\ndef next_row(rows, seen={}):\n'
    "    for row in rows:\n        if row.id not in seen:\n            seen[row.id] = row\n"
    "            return row\n```\n"
)
ANSWER = (
    "Because a default value is made once, when the function is defined: `seen` is the same dictionary in each call — "
    "naïve, and a classic. Write `seen=None` and make the dictionary inside.\n\n- first call: empty, so a row comes "
    "back\n- second call: every id is known already\n"
)


def prompt():
    """A chat of exactly the required size; its last message is padded."""
    messages = [{"role": "system", "content": "You are a careful reviewer."}]
    body = {"model": "demo", "max_tokens": 16, "messages": messages}

    def length():
        return len(json.dumps(body, ensure_ascii=False).encode())

    while length() < BYTES - 2000:
        for _ in range(1 + (BYTES - length()) // 4000):
            messages += [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": ANSWER}]
    messages.append({"role": "user", "content": ""})
    messages[-1]["content"] = ("and again? " * 400)[:BYTES - length()]
    return json.dumps(body, ensure_ascii=False).encode()


class Prompts(Short):
    name = "prompts"
    title = "400 kB prompts, short answers"
    streams = 4
    warm_requests = 32

    @property
    def requests(self):
        return 250 * self.options.seconds

    def body(self):
        made = prompt()
        assert len(made) == BYTES and json.loads(made)
        return made

    def targets(self, of):
        return [("CPU a request, of HAProxy's", against(of, "", "haproxy"), 1.5)]
