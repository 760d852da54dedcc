"""A client that leaves frees the engine, whatever the engine was doing.

The engine handles one request at a time. The tests ask for far more tokens than it can make in time, so the next
request is answered only if the previous one was really cancelled. The engine prints a line when it cancels a stream,
and only then; it checks between two tokens.
"""

import json
import re
import subprocess

from clients import CHAT, Case, chat, new_id
from servers import eventually

PATH = "/v1/chat/completions"
# Tokens for several minutes of work.
ENDLESS = 30000
# A prompt that takes some seconds to the first token; a character is a token.
LONG_PROMPT_CHARACTERS = 10000


def endless(**fields):
    return chat(tokens=ENDLESS, stream=True, **fields)


def long_prompt():
    """A long prompt that is different each time, because the engine caches common beginnings of prompts."""
    text = new_id() + " " + "a long prompt " * (LONG_PROMPT_CHARACTERS // 14)
    return chat(tokens=10000, stream=True) | {"messages": [{"role": "user", "content": text}]}


class Aborts(Case):
    def setUp(self):
        # Loads the model, and waits until the engine has finished earlier requests.
        self.assertServes()
        self.leavings = self.engine.leavings()

    def assertLeft(self, request_id, **expected):
        """Checks that the engine has cancelled one more stream and is free, and that the edge logged the leaving
        client.
        """
        eventually(lambda: self.engine.leavings() > self.leavings, "the engine to cancel the stream")
        self.assertEqual(self.engine.leavings(), self.leavings + 1)
        line = self.assertLogged(request_id, end="client_left", side="client", model=CHAT, **expected)
        self.assertServes()
        self.assertEqual(self.engine.leavings(), self.leavings + 1)
        return line

    def assertLeftInMidStream(self, request_id, received):
        line = self.assertLeft(request_id, status=200, stream=True)
        self.assertGreaterEqual(line["tokens"], received)
        self.assertLess(line["tokens"], ENDLESS)
        self.assertNotIn("finish_reason", line)

    # In the middle of the stream.

    def test_sdk_closes_the_stream(self):
        for protocol in ("HTTP/1.1", "HTTP/2"):
            with self.subTest(protocol):
                self.leavings = self.engine.leavings()
                request_id = new_id()
                sdk = self.sdk(protocol)
                stream = sdk.chat.completions.create(**endless(), extra_headers={"x-request-id": request_id})
                received = [next(stream) for _ in range(10)]
                stream.close()
                sdk.close()
                self.assertLeftInMidStream(request_id, len(received) - 1)

    def test_curl_is_ended(self):
        for tls in (True, False):
            with self.subTest(tls=tls):
                self.leavings = self.engine.leavings()
                request_id = new_id()
                command = self.curl_command(PATH, body=endless(), tls=tls, request_id=request_id)
                with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as curl:
                    curl.stdin.write(json.dumps(endless()).encode())
                    curl.stdin.close()
                    lines = [curl.stdout.readline() for _ in range(20)]
                    curl.kill()
                received = sum(b'"content"' in line for line in lines)
                self.assertGreater(received, 5, lines)
                self.assertLeftInMidStream(request_id, received)

    def test_http2_resets_the_stream(self):
        """RST_STREAM ends one stream only: another stream of the same connection, which waits for the engine, gets
        its turn.
        """
        connection = self.connect()
        leaves, stays = new_id(), new_id()
        first = self.post(connection, PATH, endless(), leaves)
        connection.until(lambda: connection.streams[first].body.count(b"data:") > 10, "tokens")
        second = self.post(connection, PATH, chat(tokens=8, stream=True), stays)
        seen = connection.streams[first].body.count(b"data:")
        connection.until(lambda: connection.streams[first].body.count(b"data:") > seen + 50, "more tokens")
        self.assertNotIn(b"data:", connection.streams[second].body)
        connection.reset(first)
        connection.until(lambda: connection.streams[second].ended, "the stream that stayed")
        self.assertTrue(connection.streams[second].body.endswith(b"data: [DONE]\n\n"))
        self.assertLogged(stays, status=200, end="complete", tokens=8)
        self.assertLeftInMidStream(leaves, 5)
        self.assertEqual([stream.reset for stream in connection.streams.values()], [None, None])

    def test_http2_connection_is_gone(self):
        connection = self.connect()
        request_id = new_id()
        stream = self.post(connection, PATH, endless(), request_id)
        connection.until(lambda: connection.streams[stream].body.count(b"data:") > 10, "tokens")
        connection.close()
        self.assertLeftInMidStream(request_id, 5)

    def test_one_after_the_other(self):
        for _ in range(10):
            self.leavings = self.engine.leavings()
            connection = self.connect()
            request_id = new_id()
            stream = self.post(connection, PATH, endless(), request_id)
            connection.until(lambda: connection.streams[stream].body.count(b"data:") > 2, "tokens")
            connection.reset(stream)
            self.assertLeftInMidStream(request_id, 1)

    # Before the first token.

    def test_in_the_prefill(self):
        """The client leaves before the edge has responded: 499. The engine notices once it has read the prompt."""
        for protocol in ("HTTP/1.1", "HTTP/2"):
            with self.subTest(protocol):
                self.leavings = self.engine.leavings()
                request_id = new_id()
                leave = self.ask_and_wait_for_the_prefill(protocol, long_prompt(), request_id)
                leave()
                line = self.assertLeft(request_id, status=499)
                self.assertEqual(line["bytes_out"], 0)

    def test_in_the_prefill_after_a_comment(self):
        """The client leaves after the edge's 200 and `: keep-alive`, before the engine's first byte."""
        connection = self.connect()
        request_id = new_id()
        stream = self.post(connection, PATH, long_prompt(), request_id)
        connection.until(lambda: connection.streams[stream].body, "a comment")
        self.assertEqual(connection.streams[stream].body, b": keep-alive\n\n")
        self.assertEqual(connection.streams[stream].status, 200)
        connection.reset(stream)
        line = self.assertLeft(request_id, status=200, stream=True)
        self.assertEqual((line["events"], line["tokens"]), (0, 0))

    def test_in_the_queue(self):
        """A waiting client leaves: the running request continues until its own client leaves."""
        front, behind = self.connect(), self.connect()
        front_id, behind_id = new_id(), new_id()
        running = self.post(front, PATH, endless(), front_id)
        front.until(lambda: front.streams[running].body.count(b"data:") > 2, "tokens")
        waiting = self.post(behind, PATH, endless(), behind_id)
        behind.until(lambda: behind.streams[waiting].body, "a comment")
        self.assertEqual(behind.streams[waiting].body, b": keep-alive\n\n")
        behind.reset(waiting)
        line = self.assertLogged(behind_id, status=200, end="client_left", side="client", tokens=0)
        self.assertEqual(line["events"], 0)
        seen = front.streams[running].body.count(b"data:")
        front.until(lambda: front.streams[running].body.count(b"data:") > seen + 100, "more tokens")
        self.leavings = self.engine.leavings()
        front.reset(running)
        self.assertLeftInMidStream(front_id, 100)

    def test_an_answer_that_is_no_stream(self):
        """The edge aborts at once. This engine does not check during a response without a stream, so it runs to its
        end.
        """
        request_id = new_id()
        leave = self.ask_and_wait_for_the_prefill("HTTP/1.1", long_prompt() | {"stream": False, "max_tokens": 50},
                                                  request_id)
        leave()
        self.assertLogged(request_id, status=499, end="client_left", side="client", bytes_out=0)
        self.assertServes()
        self.assertEqual(self.engine.leavings(), self.leavings)

    # Helpers.

    def prompts_begun(self):
        """How many long prompts the engine has begun to read."""
        return sum(int(count) > 1000 for count in
                   re.findall(r"remaining (\d+) prompt tokens to eval", self.engine.said()))

    def ask_and_wait_for_the_prefill(self, protocol, body, request_id):
        """Sends a request and waits until the engine reads the prompt; returns the function by which the client
        leaves.
        """
        before = self.prompts_begun()
        if protocol == "HTTP/2":
            connection = self.connect()
            stream = self.post(connection, PATH, body, request_id)
            leave = lambda: connection.reset(stream)  # noqa: E731
        else:
            leave = self.http1(PATH, body, request_id).close
        eventually(lambda: self.prompts_begun() > before, "the engine to read the prompt")
        return leave
