"""Chat, completions and embeddings, streamed and not: a client gets what the engine answers when asked directly."""

import concurrent.futures
import json
import re

from clients import CHAT, ENGINE_CHAT, Case, chat, completion, events, new_id, same_each_time, text_of
from engine import EMBEDDING, ENGINE_EMBEDDING

PROTOCOLS = ("HTTP/1.1", "HTTP/2")
UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class Models(Case):
    def test_the_list_has_our_names(self):
        for protocol in PROTOCOLS:
            with self.subTest(protocol):
                self.assertEqual([model.id for model in self.sdk(protocol).models.list()], [CHAT, EMBEDDING])
                self.assertEqual(self.sdk(protocol).models.retrieve(CHAT).id, CHAT)

    def test_the_list_by_curl(self):
        for tls in (True, False):
            status, _, body = self.curl("/v1/models", tls=tls)
            self.assertEqual((status, [model["id"] for model in json.loads(body)["data"]]), (200, [CHAT, EMBEDDING]))


class Whole(Case):
    """Responses that are not streams."""

    def test_chat(self):
        _, said = self.direct("/v1/chat/completions", chat(ENGINE_CHAT))
        self.assertEqual(said["usage"]["completion_tokens"], 24)
        for protocol in PROTOCOLS:
            with self.subTest(protocol):
                request_id = new_id()
                answer = self.sdk(protocol).chat.completions.create(
                    **chat(), extra_headers={"x-request-id": request_id})
                self.assertEqual(answer.choices[0].message.content, said["choices"][0]["message"]["content"])
                self.assertEqual(answer.choices[0].finish_reason, "length")
                self.assertEqual(answer.usage.model_dump(exclude_none=True), said["usage"])
                line = self.assertLogged(
                    request_id, status=200, end="complete", stream=False, model=CHAT, protocol=protocol, tokens=24,
                    prompt_tokens=said["usage"]["prompt_tokens"], finish_reason="length")
                self.assertNotEqual(line.get("tokens_estimated"), True)

    def test_completion(self):
        _, said = self.direct("/v1/completions", completion(ENGINE_CHAT))
        for protocol in PROTOCOLS:
            with self.subTest(protocol):
                request_id = new_id()
                answer = self.sdk(protocol).completions.create(
                    **completion(), extra_headers={"x-request-id": request_id})
                self.assertEqual(answer.choices[0].text, said["choices"][0]["text"])
                self.assertEqual(answer.usage.model_dump(exclude_none=True), said["usage"])
                self.assertLogged(request_id, status=200, end="complete", stream=False, tokens=24,
                                  prompt_tokens=said["usage"]["prompt_tokens"], finish_reason="length")

    def test_bytes_pass_unchanged(self):
        _, said = self.direct("/v1/chat/completions", chat(ENGINE_CHAT))
        for tls in (True, False):
            status, fields, body = self.curl("/v1/chat/completions", body=chat(), tls=tls)
            self.assertEqual((status, fields["content-type"]), (200, "application/json"))
            self.assertEqual(same_each_time(body), said)
            # curl sends no id, so the edge makes one. It is a UUID, because the engine answers 400 to other ids.
            self.assertRegex(fields["x-request-id"], UUID)


class Streams(Case):
    def test_chat(self):
        said = self.direct_events("/v1/chat/completions", chat(ENGINE_CHAT, stream=True))
        text = "".join(event["choices"][0]["delta"].get("content") or "" for event in said[:-1])
        self.assertGreater(len(text.split()), 20)
        for protocol in PROTOCOLS:
            with self.subTest(protocol):
                request_id = new_id()
                chunks = list(self.sdk(protocol).chat.completions.create(
                    **chat(), stream=True, extra_headers={"x-request-id": request_id}))
                self.assertEqual(text_of(chunks), text)
                self.assertEqual(chunks[-1].choices[0].finish_reason, "length")
                self.assertLogged(request_id, status=200, end="complete", stream=True, model=CHAT, protocol=protocol,
                                  events=len(said) - 1, tokens=24, tokens_estimated=True, finish_reason="length")

    def test_chat_at_a_temperature(self):
        fields = {"temperature": 1, "seed": 11, "top_k": 0, "top_p": 1, "min_p": 0}
        said = self.direct_events("/v1/chat/completions", {**chat(ENGINE_CHAT, stream=True), **fields})
        self.assertNotEqual(said, self.direct_events("/v1/chat/completions", chat(ENGINE_CHAT, stream=True)))
        _, _, body = self.curl("/v1/chat/completions", body={**chat(stream=True), **fields})
        self.assertEqual([same_each_time(event) for event in events(body)], said)

    def test_completion(self):
        said = self.direct_events("/v1/completions", completion(ENGINE_CHAT, stream=True))
        text = "".join(event["choices"][0]["text"] for event in said[:-1])
        self.assertGreater(len(text.split()), 20)
        for protocol in PROTOCOLS:
            with self.subTest(protocol):
                request_id = new_id()
                chunks = list(self.sdk(protocol).completions.create(
                    **completion(), stream=True, extra_headers={"x-request-id": request_id}))
                self.assertEqual(text_of(chunks), text)
                self.assertLogged(request_id, status=200, end="complete", stream=True, tokens=24,
                                  tokens_estimated=True, finish_reason="length")

    def test_events_pass_unchanged(self):
        for path, ask in (("/v1/chat/completions", chat), ("/v1/completions", completion)):
            said = self.direct_events(path, ask(ENGINE_CHAT, stream=True))
            self.assertEqual(said[-1], "[DONE]")
            for tls in (True, False):
                status, fields, body = self.curl(path, body=ask(stream=True), tls=tls)
                self.assertEqual((status, fields["content-type"]), (200, "text/event-stream; charset=utf-8"))
                self.assertEqual([same_each_time(event) for event in events(body)], said)
                self.assertRegex(fields["x-request-id"], UUID)

    def test_usage_is_not_made_up(self):
        """The engine ignores stream_options: a client that asks for usage gets none, and the log marks its count as
        estimated.
        """
        for asked in (None, {"include_usage": True}):
            body = chat(ENGINE_CHAT, stream=True)
            said = self.direct_events("/v1/chat/completions", body | ({"stream_options": asked} if asked else {}))
            self.assertFalse([event for event in said[:-1] if event.get("usage")])
            request_id = new_id()
            fields = {"stream_options": asked} if asked else {}
            chunks = list(self.sdk("HTTP/2").chat.completions.create(
                **chat(), stream=True, extra_headers={"x-request-id": request_id}, **fields))
            self.assertEqual([chunk.usage for chunk in chunks], [None] * (len(said) - 1))
            line = self.assertLogged(request_id, end="complete", tokens=24, tokens_estimated=True)
            self.assertTrue(line["prompt_tokens_estimated"])

    def test_many_at_once_share_the_engine(self):
        """The engine serves one request at a time: all others wait, and each gets its own response, on one connection
        or many.
        """
        said = {tokens: self.direct_events("/v1/chat/completions", chat(ENGINE_CHAT, tokens=tokens, stream=True))
                for tokens in range(8, 16)}
        connection = self.connect()
        streams = {self.post(connection, "/v1/chat/completions", chat(tokens=tokens, stream=True), new_id()): tokens
                   for tokens in said}
        connection.until(
            lambda: all(connection.streams[stream].ended for stream in streams), "all streams of one connection")
        for stream, tokens in streams.items():
            self.assertEqual([same_each_time(event) for event in events(connection.streams[stream].body)], said[tokens])
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            asked = {tokens: pool.submit(self.curl, "/v1/chat/completions", body=chat(tokens=tokens, stream=True),
                                         tls=tokens % 2 == 0) for tokens in said}
        for tokens, answer in asked.items():
            self.assertEqual([same_each_time(event) for event in events(answer.result()[2])], said[tokens])


class Embeddings(Case):
    TEXTS = ["a river", "a garden in the morning, with 2 lanterns"]

    def test_vectors_are_the_engines(self):
        for texts in (self.TEXTS[0], self.TEXTS):
            status, said = self.direct("/v1/embeddings", {"model": ENGINE_EMBEDDING, "input": texts})
            self.assertEqual(status, 200, said)
            for protocol in PROTOCOLS:
                for encoding in (None, "float"):
                    with self.subTest(protocol=protocol, encoding=encoding, texts=texts):
                        fields = {"encoding_format": encoding} if encoding else {}
                        request_id = new_id()
                        answer = self.sdk(protocol).embeddings.create(
                            model=EMBEDDING, input=texts, extra_headers={"x-request-id": request_id}, **fields)
                        self.assertEqual(len(answer.data), 1 if isinstance(texts, str) else len(texts))
                        for ours, theirs in zip(answer.data, said["data"], strict=True):
                            self.assertEqual(len(theirs["embedding"]), 64)
                            self.assertGreater(max(map(abs, theirs["embedding"])), 0.01)
                            for a, b in zip(ours.embedding, theirs["embedding"], strict=True):
                                self.assertAlmostEqual(a, b, places=5)
                        self.assertLogged(request_id, status=200, end="complete", model=EMBEDDING,
                                          path="/v1/embeddings", prompt_tokens=said["usage"]["prompt_tokens"])

    def test_texts_differ(self):
        answer = self.sdk("HTTP/2").embeddings.create(model=EMBEDDING, input=self.TEXTS)
        first, second = (one.embedding for one in answer.data)
        self.assertGreater(max(abs(a - b) for a, b in zip(first, second, strict=True)), 0.01)
