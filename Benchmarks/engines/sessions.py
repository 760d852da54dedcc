"""Conversations that go on at given times, each turn with all former turns and answers; and what clients saw."""

import http.client
import json
import random
import re
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The longest wait for an answer's next bytes, in seconds.
PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Turn:
    """What the user says, and when: seconds after the start of the load."""

    due: float
    text: str


@dataclass
class Answered:
    """What all clients together have seen; times are in seconds."""

    first: list[float] = field(default_factory=list)
    # For each request, how long after its planned time it was sent, because the answer before it had not ended.
    late: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    # Both counts come from the usage that the engines report. `held_tokens` sums the last prompt and answer of each
    # session, `prompt_tokens` sums the prompts of all requests.
    held_tokens: int = 0
    prompt_tokens: int = 0


def vocabulary():
    """The words of this repository's documents, from which the tokenizer of Tests/VLLM/model.py is made, too."""
    text = " ".join(page.read_text() for page in sorted((ROOT / "docs").glob("*.md")))
    return sorted(set(re.findall(r"\b[a-z]{2,12}\b", text)))


def plan(seed, options):
    """The system prompt of all sessions, and the turns of each session.

    Sessions begin within the first half of the time; pauses between turns are such that a session takes half of it.
    """
    chance, words = random.Random(seed), vocabulary()

    def text(size):
        said = ""
        while len(said) < size:
            said += chance.choice(words) + " "
        return said.strip() + "."

    system, sessions = text(options.system_bytes), []
    pause = options.seconds / 2 / options.turns
    for _ in range(options.sessions):
        due, turns = chance.uniform(0, options.seconds / 2), []
        for _ in range(options.turns):
            turns.append(Turn(due, text(chance.uniform(0.5, 1.5) * options.turn_bytes)))
            due += chance.uniform(0.5, 1.5) * pause
        sessions.append(turns)
    return system, sessions


def stream(port, model, messages, tokens):
    """Asks for an answer on a new connection; returns the time to its first event, its text, and its usage.

    Raises AssertionError, OSError or HTTPException for an answer that is not whole.
    """
    body = {"model": model, "messages": messages, "max_tokens": tokens, "temperature": 0, "stream": True,
            "stream_options": {"include_usage": True}}
    began, first, said, usage, ends = time.monotonic(), None, "", None, []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 200, f"{answer.status} {answer.read()[:400]}"
        for line in answer:
            payload = line.decode().partition("data:")[2].strip()
            if payload == "[DONE]":
                ends.append(payload)
            elif payload:
                event = json.loads(payload)
                assert "error" not in event, payload
                first = first or time.monotonic() - began
                usage = event.get("usage") or usage
                for choice in event["choices"]:
                    said += choice["delta"].get("content") or ""
                    ends += [choice["finish_reason"]] if choice["finish_reason"] else []
    finally:
        connection.close()
    assert ends == ["length", "[DONE]"] and usage, f"an answer that ended with {ends} and usage {usage}"
    return first, said, usage


def run_session(began, port, model, system, turns, tokens, answered, lock):
    """Holds one conversation; the first failure ends it, and is the failure of all turns that were left."""
    messages, usage = [{"role": "system", "content": system}], {}
    for number, turn in enumerate(turns):
        time.sleep(max(0, began + turn.due - time.monotonic()))
        late = time.monotonic() - began - turn.due
        messages.append({"role": "user", "content": turn.text})
        try:
            first, said, usage = stream(port, model, messages, tokens)
        except (AssertionError, OSError, http.client.HTTPException, ValueError) as failure:
            with lock:
                answered.failures += [repr(failure)] * (len(turns) - number)
            return
        messages.append({"role": "assistant", "content": said})
        with lock:
            answered.first.append(first)
            answered.late.append(late)
            answered.prompt_tokens += usage["prompt_tokens"]
    with lock:
        answered.held_tokens += usage["prompt_tokens"] + usage["completion_tokens"]


def run(port, model, system, sessions, tokens):
    """Holds all conversations with the server on this port, and waits for their ends."""
    answered, lock, began = Answered(), threading.Lock(), time.monotonic()
    threads = [
        threading.Thread(target=run_session, args=(began, port, model, system, turns, tokens, answered, lock))
        for turns in sessions
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answered
