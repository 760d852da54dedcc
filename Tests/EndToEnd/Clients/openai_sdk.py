#!/usr/bin/env python3
"""Drives the server with the official OpenAI Python SDK, over HTTP/1.1 or HTTP/2.

Each scenario prints one JSON object per line about what the SDK received, and exits with 1 if a correct server could
not have caused it. The Swift tests read these lines and check the details.
"""

import json
import time

import openai
from cli import ask, expect, report, run_sdk


def stream(client, options):
    """Streams a chat completion, with usage."""
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
    """Streams without asking for usage: no usage may appear, and no event without choices."""
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
    # The time at which the client left, which a test compares with the executor's record.
    left = time.time()
    answer.close()
    report(events=seen, left=left)
    expect(client.models.list().data, "nothing is served after a cancelled stream")
    report(served_after=True)


def broken(client, options):
    """The executor breaks the stream (by `--extra`): the SDK must raise, and never end as if the stream were
    complete.
    """
    seen = 0
    try:
        for chunk in client.chat.completions.create(**ask(options, stream=True)):
            seen += bool(chunk.choices and chunk.choices[0].delta.content)
    except openai.APIError as error:
        body = error.body if isinstance(error.body, dict) else None
        report(events=seen, raised=type(error).__name__, message=str(error), body=body)
        return
    except Exception as error:  # httpx's own error for a stream that was cut.
        report(events=seen, raised=type(error).__name__, message=str(error), body=None)
        return
    report(events=seen, raised=None)
    expect(False, "a broken stream ended as a complete one")


ENDS = ("response.completed", "response.incomplete")


def responses(client, options):
    """Streams from the responses API: checks the order of the events, and the text of the deltas."""
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
    # Engines differ in the last event of an incomplete response: vLLM sends "response.completed" also for that one.
    expect(completed is not None and kinds[-1] in ENDS, f"the last event is {kinds[-1]}")
    expect(completed.output_text == text and text, "the deltas are not the text")
    report(kinds=kinds, text=text, output_tokens=completed.usage.output_tokens)


def brokenresponses(client, options):
    """The executor breaks a stream of the responses API: the SDK must raise."""
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
    """Requests a model that does not exist."""
    try:
        client.chat.completions.create(**ask(options) | {"model": "no-such-model"})
    except openai.NotFoundError as error:
        report(raised="NotFoundError", status=error.status_code, body=error.body, request_id=error.request_id)
        expect(error.request_id, "no request id in an error")
        return
    expect(False, "an unknown model was served")


def refused(client, options):
    """Reports what the SDK raises when its request is refused; `--api-key` is the key that it sends."""
    try:
        client.chat.completions.create(**ask(options))
    except openai.APIStatusError as error:
        report(raised=type(error).__name__, status=error.status_code, body=error.body)
        return
    expect(False, "it was served")


def late(client, options):
    """Asks for an answer that is no stream, which the server keeps alive until the answer or an error is there."""
    try:
        raw = client.with_options(max_retries=0).chat.completions.with_raw_response.create(**ask(options))
        answer = raw.parse()
    except openai.APIError as error:
        report(raised=type(error).__name__, message=str(error))
        return
    report(raised=None, text=answer.choices[0].message.content, begins_with_space=raw.text.startswith(" "))


def latetext(client, options):
    """As `late`, but reports the bytes that came before the answer was cut."""
    text = b""
    asked = client.with_options(max_retries=0).chat.completions.with_streaming_response
    try:
        with asked.create(**ask(options)) as answer:
            for piece in answer.iter_bytes():
                text += piece
    except Exception as error:  # httpx's own error for an answer that was cut.
        report(raised=type(error).__name__, text=text.decode())
        return
    report(raised=None, text=text.decode())


SCENARIOS = (
    stream, plainstream, nonstream, late, latetext, models, embeddings, cancel, broken, responses, brokenresponses,
    unknown, refused,
)  # fmt: skip


def make(transport, **arguments):
    return openai.OpenAI(http_client=openai.DefaultHttpxClient(**transport), **arguments)


if __name__ == "__main__":
    run_sdk(__doc__, "https://127.0.0.1:PORT/v1", SCENARIOS, make)
