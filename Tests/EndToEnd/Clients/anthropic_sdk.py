#!/usr/bin/env python3
"""Drives the server with the official Anthropic Python SDK, over HTTP/1.1 or HTTP/2.

Each scenario prints one JSON object per line about what the SDK received, and exits with 1 if a correct server could
not have caused it. The Swift tests read these lines and check the details.
"""

import anthropic
from cli import ask, expect, report, run_sdk


def stream(client, options):
    """Streams a message with the SDK's own helper, which checks the order of the events."""
    text = ""
    with client.messages.stream(**ask(options)) as answer:
        for piece in answer.text_stream:
            text += piece
        message = answer.get_final_message()
        http = answer.response.http_version
    expect(text and text == message.content[0].text, "the deltas are not the message")
    expect(message.stop_reason in ("end_turn", "max_tokens"), f"stop_reason is {message.stop_reason}")
    report(text=text, stop_reason=message.stop_reason, output_tokens=message.usage.output_tokens, http=http)


def nonstream(client, options):
    message = client.messages.create(**ask(options))
    expect(message.content[0].text, "no text")
    report(text=message.content[0].text, model=message.model, output_tokens=message.usage.output_tokens)


def count(client, options):
    answer = client.messages.count_tokens(
        model=options.model, messages=[{"role": "user", "content": options.prompt}]
    )
    report(input_tokens=answer.input_tokens)


def broken(client, options):
    """The executor breaks the stream: the SDK must raise, and never end as if the stream were complete."""
    seen = 0
    try:
        for event in client.messages.create(**ask(options, stream=True)):
            seen += event.type == "content_block_delta"
    except Exception as error:
        body = error.body if isinstance(getattr(error, "body", None), dict) else None
        report(events=seen, raised=type(error).__name__, message=str(error), body=body)
        return
    report(events=seen, raised=None)
    expect(False, "a broken stream ended as a complete one")


def unknown(client, options):
    """Requests a model that does not exist."""
    try:
        client.messages.create(**ask(options) | {"model": "no-such-model"})
    except anthropic.NotFoundError as error:
        report(raised="NotFoundError", status=error.status_code, body=error.body)
        return
    expect(False, "an unknown model was served")


def models(client, options):
    """Requests the list of models, one model that exists, and one that does not."""
    listed = list(client.models.list())
    expect(options.model in [model.id for model in listed], f"{options.model} is not listed")
    one = client.models.retrieve(options.model)
    expect(one.id == options.model and one.type == "model", "retrieve gave another model")
    report(names=[model.display_name for model in listed], created_at=one.created_at.isoformat())
    try:
        client.models.retrieve("no-such-model")
    except anthropic.NotFoundError as error:
        report(raised="NotFoundError", kind=error.body["error"]["type"])
        return
    expect(False, "an unknown model was found")


def refused(client, options):
    """Reports what the SDK raises when its request is refused; `--api-key` is the key that it sends."""
    try:
        client.messages.create(**ask(options))
    except anthropic.APIStatusError as error:
        report(raised=type(error).__name__, status=error.status_code, body=error.body)
        return
    expect(False, "it was served")


SCENARIOS = (
    stream, nonstream, count, models, broken, unknown, refused,
)  # fmt: skip


def make(transport, **arguments):
    return anthropic.Anthropic(http_client=anthropic.DefaultHttpxClient(**transport), **arguments)


if __name__ == "__main__":
    run_sdk(__doc__, "https://127.0.0.1:PORT", SCENARIOS, make)
