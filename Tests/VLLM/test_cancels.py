"""A client that leaves frees the engine, whatever the engine was doing: it runs nothing, and has finished nothing.

The requests would take the engine minutes, so a request that no longer runs was cancelled.
"""

import threading

from case import ENGINE_OF, PATHS, VLLMCase, for_sdk, question
from clients import CHAT, new_id
from engine import RUNNING_MAX, UNIX
from servers import eventually

ENDLESS = 30000
# A prompt that takes some seconds to the first token.
LONG_PROMPT_WORDS = 25000


def long_prompt(**fields):
    """A long prompt that is different each time, because the engine caches common beginnings of prompts."""
    text = new_id() + " river" * LONG_PROMPT_WORDS
    return {"model": CHAT, "messages": [{"role": "user", "content": text}], "max_tokens": ENDLESS, **fields}


class Cancels(VLLMCase):
    def setUp(self):
        super().setUp()
        self.finished = {name: engine.finished() for name, engine in self.engines.items()}

    def assertRuns(self, model=CHAT, count=1):
        eventually(lambda: self.engines[ENGINE_OF[model]].running() == count, "the engine to run what is asked")

    def assertCancelled(self, request_id, model=CHAT, **expected):
        """Checks that the engine runs nothing and has finished nothing, and that the log says that the client left.
        """
        name = ENGINE_OF[model]
        self.assertIdle(self.engines[name])
        self.assertEqual(self.engines[name].finished(), self.finished[name])
        return self.assertLogged(request_id, end="client_left", side="client", model=model, **expected)

    # In the middle of the stream.

    def test_http2_resets_the_stream(self):
        for dialect in PATHS:
            for model in (CHAT, UNIX):
                with self.subTest(dialect=dialect, model=model):
                    connection, stream, request_id = self.begun(dialect, model, ENDLESS)
                    self.assertRuns(model)
                    connection.reset(stream)
                    line = self.assertCancelled(request_id, model, status=200, stream=True)
                    self.assertGreaterEqual(line["tokens"], 1)
                    self.assertLess(line["tokens"], ENDLESS)

    def test_http1_closes_the_connection(self):
        for dialect in PATHS:
            with self.subTest(dialect):
                request_id = new_id()
                client = self.http1(PATHS[dialect], question(dialect, tokens=ENDLESS, stream=True), request_id)
                received = b""
                while received.count(b"data:") < 8:
                    received += client.recv(65536)
                self.assertRuns()
                client.close()
                self.assertCancelled(request_id, status=200, stream=True)

    def test_sdks_close_the_stream(self):
        for protocol in ("HTTP/1.1", "HTTP/2"):
            with self.subTest(protocol):
                named = {"x-request-id": new_id()}
                stream = self.sdk(protocol).chat.completions.create(
                    **question("chat", tokens=ENDLESS), stream=True, extra_headers=named)
                for _ in range(10):
                    next(stream)
                self.assertRuns()
                stream.close()
                self.assertCancelled(named["x-request-id"], status=200)
                named = {"x-request-id": new_id()}
                stream = self.anthropic(protocol).messages.create(
                    **for_sdk(question("messages", tokens=ENDLESS)), stream=True, extra_headers=named)
                for _ in range(10):
                    next(stream)
                self.assertRuns()
                stream.close()
                self.assertCancelled(named["x-request-id"], status=200)

    def test_one_of_two_leaves(self):
        """Of two streams on one connection one is reset; the other continues to its end."""
        connection, request_id, stays = self.connect(), new_id(), new_id()
        leaving = self.post(connection, PATHS["chat"], question("chat", tokens=ENDLESS, stream=True), request_id)
        staying = self.post(connection, PATHS["chat"], question("chat", tokens=400, stream=True), stays)
        both = [connection.streams[leaving], connection.streams[staying]]
        connection.until(lambda: all(stream.body.count(b"data:") > 5 for stream in both), "both streams")
        self.assertRuns(count=2)
        connection.reset(leaving)
        connection.until(lambda: connection.streams[staying].ended, "the stream that stays")
        self.assertTrue(connection.streams[staying].body.endswith(b"data: [DONE]\n\n"))
        self.assertLogged(stays, status=200, end="complete", tokens=400)
        self.finished["tcp"] += 1
        self.assertCancelled(request_id, status=200)

    # Before the first token.

    def test_in_the_prefill(self):
        for protocol in ("HTTP/1.1", "HTTP/2"):
            with self.subTest(protocol):
                request_id, body = new_id(), long_prompt(stream=True)
                if protocol == "HTTP/2":
                    connection = self.connect()
                    stream = self.post(connection, PATHS["chat"], body, request_id)
                    leave = lambda: connection.reset(stream)  # noqa: E731
                else:
                    leave = self.http1(PATHS["chat"], body, request_id).close
                self.assertRuns()
                leave()
                line = self.assertCancelled(request_id)
                self.assertEqual(line.get("tokens"), 0)

    def test_in_the_prefill_after_a_comment(self):
        """The edge has sent a 200 and a comment, and the engine nothing yet."""
        for dialect, said in (("chat", b": keep-alive\n\n"), ("messages", b"event: ping\n")):
            with self.subTest(dialect):
                connection, request_id = self.connect(), new_id()
                stream = self.post(connection, PATHS[dialect], long_prompt(stream=True), request_id)
                connection.until(lambda: connection.streams[stream].body, "a comment")
                self.assertEqual(connection.streams[stream].status, 200)
                self.assertTrue(connection.streams[stream].body.startswith(said), connection.streams[stream].body)
                connection.reset(stream)
                self.assertEqual(self.assertCancelled(request_id, status=200)["events"], 0)

    def test_in_the_queue(self):
        """The engine runs as many requests as it may: a waiting client leaves, and the running requests continue."""
        running = [self.begun("chat", tokens=ENDLESS) for _ in range(RUNNING_MAX)]
        connection, request_id = self.connect(), new_id()
        waiting = self.post(connection, PATHS["chat"], question("chat", tokens=ENDLESS, stream=True), request_id)
        eventually(lambda: self.engine.waiting() == 1, "the engine to let one wait")
        connection.reset(waiting)
        eventually(lambda: self.engine.waiting() == 0, "the engine to let go of the one that waits")
        self.assertLogged(request_id, end="client_left", side="client", tokens=0)
        self.assertEqual(self.engine.running(), RUNNING_MAX)
        for front, stream, _ in running:
            seen = front.streams[stream].body.count(b"data:")
            front.until(lambda: front.streams[stream].body.count(b"data:") > seen + 5, "more tokens")
            front.reset(stream)
        for _, _, request_id in running:
            self.assertCancelled(request_id, status=200)

    # Responses that are not streams.

    def test_whole_answers(self):
        for dialect in PATHS:
            for model in (CHAT, UNIX):
                with self.subTest(dialect=dialect, model=model):
                    request_id = new_id()
                    client = self.http1(PATHS[dialect], question(dialect, model, ENDLESS), request_id)
                    self.assertRuns(model)
                    client.close()
                    line = self.assertCancelled(request_id, model, status=499)
                    self.assertEqual(line["bytes_out"], 0)

    # Many clients at once.

    def test_many_leave_at_once(self):
        streams = [self.begun(dialect, tokens=ENDLESS) for dialect in PATHS]
        self.assertRuns(count=len(streams))
        leave = [threading.Thread(target=connection.reset, args=[stream]) for connection, stream, _ in streams]
        for thread in leave:
            thread.start()
        for thread in leave:
            thread.join()
        for _, _, request_id in streams:
            self.assertCancelled(request_id, status=200)
