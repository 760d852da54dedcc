"""Shared by the test files: the two engines, a request in each dialect, and the text of a response in each."""

import json

import anthropic

from clients import CHAT, STORY, Case, chat, completion, events, new_id
from engine import TCP_FIRST, UNIX, UNIX_FIRST
from servers import PATIENCE_SECONDS, eventually

QUESTION = STORY[-1]["content"]
PATHS = {
    "chat": "/v1/chat/completions", "completions": "/v1/completions", "messages": "/v1/messages",
    "responses": "/v1/responses",
}
# The engine that the edge asks for each model. For a model of two engines, it is the engine that is asked first.
ENGINE_OF = {CHAT: "tcp", UNIX: "unix", TCP_FIRST: "tcp", UNIX_FIRST: "unix"}


def question(dialect, model=CHAT, tokens=24, **fields):
    """A request body that always gets the same response with exactly `tokens` tokens, because the model does not stop
    by itself.
    """
    if dialect == "chat":
        return chat(model, tokens, **fields)
    if dialect == "completions":
        return completion(model, tokens, **fields)
    if dialect == "messages":
        return {"model": model, "messages": [{"role": "user", "content": QUESTION}], "max_tokens": tokens,
                "temperature": 0, **fields}
    return {"model": model, "input": QUESTION, "max_output_tokens": tokens, "temperature": 0, **fields}


def for_sdk(body):
    """The request as arguments of the Anthropic SDK; `extra_body` holds the fields that the SDK does not know."""
    return {**{name: value for name, value in body.items() if name != "temperature"},
            "extra_body": {"temperature": body["temperature"]}}


def text_of_answer(dialect, answer):
    """The text of a complete response."""
    if dialect == "chat":
        return answer["choices"][0]["message"]["content"]
    if dialect == "completions":
        return answer["choices"][0]["text"]
    content = answer["content"] if dialect == "messages" else answer["output"][0]["content"]
    return "".join(part["text"] for part in content)


def text_of_events(dialect, payloads):
    """The text of a stream's events."""
    parts = []
    for event in payloads:
        if dialect == "chat":
            parts += [choice["delta"].get("content") or "" for choice in event.get("choices", [])]
        elif dialect == "completions":
            parts += [choice["text"] for choice in event.get("choices", [])]
        elif event.get("type") == "content_block_delta":
            parts.append(event["delta"].get("text", ""))
        elif event.get("type") == "response.output_text.delta":
            parts.append(event["delta"])
    return "".join(parts)


def payloads(body):
    """The data of a stream's events, parsed, without `[DONE]` and event names."""
    data = [line for line in events(body) if line.startswith("{")]
    return [json.loads(line) for line in data]


def is_whole(dialect, body):
    """Whether a client of the dialect takes this stream for complete."""
    end = {"messages": b'"type":"message_stop"', "responses": b'"type":"response.completed"'}
    return end.get(dialect, b"data: [DONE]") in body.replace(b'": "', b'":"')


def errors_in(body):
    """The events of a stream that report an error, in the format of any dialect."""
    return [event for event in payloads(body)
            if event.get("error") or event.get("type") in ("error", "response.failed")]


class VLLMCase(Case):
    # run.py sets these: the engines by name, a proxy that records the requests to one of them, and the functions that
    # restart engines.
    engines = None
    recorder = None
    start_engine = None

    def setUp(self):
        """Restarts engines that have ended, and waits until both are idle and the edge uses them."""
        dead = [name for name, engine in self.engines.items() if engine.process.poll() is not None]
        for name in dead:
            self.engines[name].stop()
            self.engines[name] = self.start_engine[name]()
        for name in dead:
            self.engines[name].is_up()
        type(self).engine = self.engines["tcp"]
        for engine in self.engines.values():
            self.assertIdle(engine)
        if dead:
            for model, name in ENGINE_OF.items():
                eventually(lambda: self.is_served_by(model, name), f"the edge to ask {name} for {model}")

    def is_served_by(self, model, name):
        request_id = new_id()
        status, _, _ = self.curl(PATHS["chat"], body=chat(model, tokens=1), request_id=request_id)
        return status == 200 and self.edge.logged(request_id)["executor"] == self.url(name)

    def url(self, name):
        """An engine's URL as in the edge's configuration and log."""
        port = self.engines[name].port
        return f"http://127.0.0.1:{port}" if isinstance(port, int) else f"unix:{port}"

    def assertIdle(self, engine):
        eventually(lambda: engine.running() == 0 and engine.waiting() == 0, f"{engine.name} to be idle")

    def anthropic(self, protocol="HTTP/2"):
        """The Anthropic SDK; it never retries."""
        if protocol == "HTTP/1.1":
            url, http = f"http://127.0.0.1:{self.edge.clear}", anthropic.DefaultHttpxClient(trust_env=False)
        else:
            url = f"https://127.0.0.1:{self.edge.tls}"
            http = anthropic.DefaultHttpxClient(http2=True, verify=self.trust(), trust_env=False)
        client = anthropic.Anthropic(
            base_url=url, api_key="none", max_retries=0, timeout=PATIENCE_SECONDS, http_client=http)
        self.addCleanup(client.close)
        return client

    def begun(self, dialect, model=CHAT, tokens=30000, text=5, **fields):
        """Starts a stream and waits for its first events; returns connection, stream and request id."""
        connection, request_id = self.connect(), new_id()
        body = question(dialect, model, tokens, stream=True, **fields)
        stream = self.post(connection, PATHS[dialect], body, request_id)
        connection.until(lambda: connection.streams[stream].body.count(b"data:") > text + 3, f"events of {dialect}")
        return connection, stream, request_id
