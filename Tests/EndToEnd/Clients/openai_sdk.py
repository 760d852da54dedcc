#!/usr/bin/env python3
"""Drives the server with the official OpenAI Python SDK, over HTTP/1.1 or HTTP/2.

Each scenario prints one JSON object a line about what the SDK saw, and exits with 1 when it saw what no good server
shows. Finer claims are the tests' own: they read the lines.
"""

import json
import time

import openai
from cli import ask, expect, report, run_sdk


def stream(client, options):
    """A chat completion, streamed, with its usage."""
    started = time.monotonic()
    answer = client.chat.completions.create(
        **ask(options, stream=True, stream_options={"include_usage": True})
    )
    text, times, finish, usage, identifiers = "", [], None, None, set()
    for chunk in answer:
        identifiers.add(chunk.id)
        if chunk.usage:
            usage = chunk.usage
        for choice in chunk.choices:
            if choice.delta.content:
                text += choice.delta.content
                times.append(time.monotonic() - started)
            finish = choice.finish_reason or finish
    expect(text, "no text came")
    expect(finish in ("stop", "length"), f"finish_reason is {finish}")
    expect(len(identifiers) == 1, f"ids differ: {identifiers}")
    expect(usage is not None, "no usage though it was asked for")
    report(
        text=text,
        events=len(times),
        finish_reason=finish,
        first_ms=1000 * times[0],
        last_ms=1000 * times[-1],
        completion_tokens=usage.completion_tokens,
        http=answer.response.http_version,
    )


def plainstream(client, options):
    """A stream whose usage was not asked for: none may show, and no event without choices."""
    answer = client.chat.completions.create(**ask(options, stream=True))
    text, count = "", 0
    for chunk in answer:
        count += 1
        expect(chunk.usage is None, "usage though it was not asked for")
        expect(chunk.choices, "an event without choices")
        text += chunk.choices[0].delta.content or ""
    report(text=text, events=count)


def nonstream(client, options):
    raw = client.chat.completions.with_raw_response.create(**ask(options))
    answer = raw.parse()
    expect(answer.choices and answer.choices[0].message.content, "no content")
    expect(answer.usage and answer.usage.completion_tokens > 0, "no usage")
    expect(raw.headers.get("x-request-id"), "no x-request-id")
    report(
        text=answer.choices[0].message.content,
        model=answer.model,
        completion_tokens=answer.usage.completion_tokens,
        http=raw.http_response.http_version,
    )


def models(client, options):
    identifiers = [model.id for model in client.models.list()]
    expect(options.model in identifiers, f"{options.model} is not among {identifiers}")
    expect(client.models.retrieve(options.model).id == options.model, "retrieve gave another model")
    report(models=identifiers)


def embeddings(client, options):
    answer = client.embeddings.create(model=options.model, input=["one", "two"])
    expect(len(answer.data) == 2, f"{len(answer.data)} embeddings for 2 inputs")
    expect(all(len(item.embedding) > 0 for item in answer.data), "an empty embedding")
    report(count=len(answer.data), dimensions=len(answer.data[0].embedding))


def cancel(client, options):
    """Leaves in the middle of a stream, then shows that the connection, or a new one, still serves."""
    answer = client.chat.completions.create(**ask(options, stream=True))
    seen = 0
    for chunk in answer:
        seen += bool(chunk.choices and chunk.choices[0].delta.content)
        if seen == options.cancel_after:
            break
    # When it left, so that a test can compare that with the executor's counter.
    left = time.time()
    answer.close()
    report(events=seen, left=left)
    expect(client.models.list().data, "nothing is served after a cancelled stream")
    report(served_after=True)


def broken(client, options):
    """The executor breaks the stream (`--extra` asks it to): the SDK must raise, never end as if all were well."""
    seen = 0
    try:
        for chunk in client.chat.completions.create(**ask(options, stream=True)):
            seen += bool(chunk.choices and chunk.choices[0].delta.content)
    except openai.APIError as error:
        body = error.body if isinstance(error.body, dict) else None
        report(events=seen, raised=type(error).__name__, message=str(error), body=body)
        return
    except Exception as error:  # The transport's own: httpx's error of a stream that was cut.
        report(events=seen, raised=type(error).__name__, message=str(error), body=None)
        return
    report(events=seen, raised=None)
    expect(False, "a broken stream ended as a complete one")


ENDS = ("response.completed", "response.incomplete")


def responses(client, options):
    """The responses API, streamed: its events in order, and the text that they add up to."""
    kinds, text, completed = [], "", None
    for event in client.responses.create(
        model=options.model, input=options.prompt, max_output_tokens=options.tokens, stream=True,
        extra_body=json.loads(options.extra or "{}"),
    ):  # fmt: skip
        kinds.append(event.type)
        if event.type == "response.output_text.delta":
            text += event.delta
        if event.type in ENDS:
            completed = event.response
    expect(kinds[0] == "response.created", f"the first event is {kinds[0]}")
    # vLLM says "completed" for both, the status inside tells.
    expect(completed is not None and kinds[-1] in ENDS, f"the last event is {kinds[-1]}")
    expect(completed.output_text == text and text, "the deltas are not the text")
    report(kinds=kinds, text=text, output_tokens=completed.usage.output_tokens)


def brokenresponses(client, options):
    """The executor breaks the responses stream: the SDK must raise."""
    kinds = []
    try:
        for event in client.responses.create(
            model=options.model, input=options.prompt, max_output_tokens=options.tokens, stream=True,
            extra_body=json.loads(options.extra or "{}"),
        ):  # fmt: skip
            kinds.append(event.type)
    except Exception as error:
        report(kinds=kinds, raised=type(error).__name__, message=str(error))
        return
    report(kinds=kinds, raised=None)
    expect(kinds and kinds[-1] in ("response.failed", "error"), "a broken stream ended as a complete one")


def unknown(client, options):
    """A model that does not exist."""
    try:
        client.chat.completions.create(**ask(options) | {"model": "no-such-model"})
    except openai.NotFoundError as error:
        report(raised="NotFoundError", status=error.status_code, body=error.body, request_id=error.request_id)
        expect(error.request_id, "no request id in an error")
        return
    expect(False, "an unknown model was served")


def refused(client, options):
    """What the SDK raises when it is refused (`--api-key` says as whom it asks)."""
    try:
        client.chat.completions.create(**ask(options))
    except openai.APIStatusError as error:
        report(raised=type(error).__name__, status=error.status_code, body=error.body)
        return
    expect(False, "it was served")


SCENARIOS = (
    stream, plainstream, nonstream, models, embeddings, cancel, broken, responses, brokenresponses, unknown, refused,
)  # fmt: skip


def make(transport, **arguments):
    return openai.OpenAI(http_client=openai.DefaultHttpxClient(**transport), **arguments)


if __name__ == "__main__":
    run_sdk(__doc__, "https://127.0.0.1:PORT/v1", SCENARIOS, make)
