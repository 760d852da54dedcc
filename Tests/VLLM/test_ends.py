"""The engine ends during its work: no client takes a partial response for complete, and another engine takes over
where it can.

Each test ends an engine; the next test restarts it.
"""

import concurrent.futures
import http.client
import json
import signal

import anthropic
import openai

from case import PATHS, VLLMCase, errors_in, for_sdk, is_whole, payloads, question, text_of_answer, text_of_events
from clients import CHAT, ENGINE_CHAT, new_id
from engine import TCP_FIRST, UNIX, UNIX_FIRST
from servers import PATIENCE_SECONDS, eventually

# Tokens for several minutes of work.
ENDLESS = 30000
# Tokens for some seconds: enough to end the engine in the middle, and for another engine to complete the response.
LONG = 2000


class Ends(VLLMCase):
    def setUp(self):
        super().setUp()
        self.pool = concurrent.futures.ThreadPoolExecutor(16)
        self.addCleanup(self.pool.shutdown, wait=False, cancel_futures=True)

    def terminate(self, engine):
        """Sends SIGTERM, and makes sure that the engine has ended before the next test."""
        self.addCleanup(engine.stop)
        engine.process.send_signal(signal.SIGTERM)

    def finished(self, connection, stream):
        """The bytes of a stream that the edge has ended or reset."""
        connection.until(lambda: connection.streams[stream].is_over, "the end")
        return connection.streams[stream].body

    def all_finished(self, streams):
        """Reads all streams alternately until each has ended, so that no window stays full."""
        def have_finished():
            for connection, _, _ in streams.values():
                connection.read_ready()
            return all(connection.streams[stream].is_over
                       for connection, stream, _ in streams.values())
        eventually(have_finished, "the ends of all streams")

    def runs(self, engine, count, streams):
        """Waits until the engine runs `count` requests; reads the streams meanwhile, so that no window stays full.

        If a client's window is full when its stream is reset, the error event is lost.
        """
        def are_running():
            for connection, _, _ in streams.values():
                connection.read_ready()
            return engine.running() == count
        eventually(are_running, "the engine to run all")

    def assertBroken(self, dialect, connection, stream, request_id):
        """Checks that client and log were told that the stream is incomplete."""
        body = self.finished(connection, stream)
        self.assertEqual(connection.streams[stream].status, 200)
        self.assertFalse(is_whole(dialect, body) and not errors_in(body), body[-500:])
        self.assertEqual(len(errors_in(body)), 1, body[-500:])
        self.assertNotIn(b'"finish_reason":"abort"', body)
        line = self.assertLogged(request_id, status=200, stream=True, side="executor")
        self.assertNotEqual(line["end"], "complete")
        self.assertGreater(line["tokens"], 0)
        return line

    def ask_whole(self, dialect, model):
        """Starts a long request that is not streamed; returns a future of status, body and log line."""
        request_id = new_id()

        def ask():
            status, _, body = self.curl(PATHS[dialect], body=question(dialect, model, LONG), request_id=request_id)
            return status, json.loads(body), self.edge.logged(request_id)
        return self.pool.submit(ask)

    def assertElsewhere(self, dialect, asked, name):
        """Checks that the response is complete, and came from this engine after another one had failed."""
        status, answer, line = asked.result(PATIENCE_SECONDS)
        self.assertEqual(status, 200, answer)
        self.assertGreater(len(text_of_answer(dialect, answer)), LONG)
        said = {key: value for key, value in answer.items() if key not in ("choices", "content")}
        said["ends"] = json.dumps(answer)[-200:]
        self.assertEqual((line["end"], line["executor"], line["tokens"]), ("complete", self.url(name), LONG), (line, said))
        self.assertEqual(len(line["failed_attempts"]), 1, line)

    def assertServedBy(self, model, name):
        """Checks that this engine answers each dialect, streamed and not."""
        for dialect in PATHS:
            for stream in (False, True):
                with self.subTest(dialect=dialect, stream=stream, model=model):
                    request_id = new_id()
                    status, _, body = self.curl(PATHS[dialect], body=question(dialect, model, stream=stream),
                                                request_id=request_id)
                    self.assertEqual(status, 200, body)
                    if stream:
                        self.assertTrue(is_whole(dialect, body.encode()), body)
                    said = (text_of_events(dialect, payloads(body)) if stream
                            else text_of_answer(dialect, json.loads(body)))
                    self.assertGreater(len(said), 24)
                    self.assertLogged(request_id, status=200, end="complete", executor=self.url(name))


class Terminated(Ends):
    """SIGTERM, as a rolling restart sends it: running requests end with `abort`, or with an error.

    vLLM asks the computing process to end its requests, and kills it if that is not done at once.
    """

    def test_nothing_that_it_broke_off_is_taken_for_whole(self):
        engine = self.engines["tcp"]
        streams = {dialect: self.begun(dialect, CHAT, ENDLESS) for dialect in PATHS}
        sdks = [self.sdk("HTTP/1.1").chat.completions.create(**question("chat", tokens=ENDLESS), stream=True),
                self.anthropic("HTTP/1.1").messages.create(
                    **for_sdk(question("messages", tokens=ENDLESS)), stream=True)]
        for stream in sdks:
            next(stream)
        elsewhere = {dialect: self.ask_whole(dialect, TCP_FIRST) for dialect in ("chat", "completions", "messages")}
        nowhere = self.ask_whole("chat", CHAT)
        self.runs(engine, 10, streams)
        self.terminate(engine)

        self.all_finished(streams)
        for dialect, (connection, stream, request_id) in streams.items():
            with self.subTest(dialect):
                body = self.finished(connection, stream)
                if dialect == "responses" and is_whole(dialect, body):
                    # The responses API has no word for `abort`: vLLM reports `completed`, and nothing in the response
                    # shows the abort.
                    self.assertLogged(request_id, status=200, end="complete")
                else:
                    self.assertBroken(dialect, connection, stream, request_id)
        for stream, error in zip(sdks, (openai.APIError, anthropic.APIError), strict=True):
            with self.subTest("SDK", error=error), self.assertRaises(error):
                list(stream)
        for dialect, asked in elsewhere.items():
            with self.subTest("whole", dialect=dialect):
                self.assertElsewhere(dialect, asked, "unix")
        with self.subTest("whole, of a model that nobody else serves"):
            status, answer, line = nowhere.result(PATIENCE_SECONDS)
            self.assertGreaterEqual(status, 500, answer)
            self.assertEqual((line["side"], "error" in answer), ("executor", True))
        self.assertServedBy(TCP_FIRST, "unix")


class CoreKilled(Ends):
    """The computing process is killed; the HTTP process reports that, and ends some seconds later."""

    def test_streams_end_with_an_error_and_whole_answers_come_from_another(self):
        engine = self.engines["tcp"]
        streams = {dialect: self.begun(dialect, CHAT, ENDLESS) for dialect in PATHS}
        elsewhere = {dialect: self.ask_whole(dialect, TCP_FIRST) for dialect in PATHS}
        self.runs(engine, 8, streams)
        self.addCleanup(engine.stop)
        engine.kill_core()
        self.all_finished(streams)
        for dialect, (connection, stream, request_id) in streams.items():
            with self.subTest(dialect):
                self.assertBroken(dialect, connection, stream, request_id)
        for dialect, asked in elsewhere.items():
            with self.subTest("whole", dialect=dialect):
                self.assertElsewhere(dialect, asked, "unix")
        # The other engine also answers while this one still accepts requests and responds with 500.
        self.assertServedBy(TCP_FIRST, "unix")


class Draining(Ends):
    """SIGTERM with time to drain: running requests are completed, new ones get 500, and the health endpoint keeps
    reporting 200.
    """

    def test_new_requests_go_to_another(self):
        engine = self.engines["unix"]
        runs = self.begun("chat", UNIX, tokens=6000)
        self.terminate(engine)
        eventually(lambda: self.refuses(engine), "the engine to refuse what comes")
        self.assertServedBy(UNIX_FIRST, "tcp")
        # No other engine serves this model, so the client gets an error, which is logged as the executor's.
        for stream in (False, True):
            request_id = new_id()
            status, _, body = self.curl(PATHS["chat"], body=question("chat", UNIX, stream=stream),
                                        request_id=request_id)
            self.assertGreaterEqual(status, 500)
            self.assertIn("error", json.loads(body))
            self.assertNotIn("cannot schedule", body)
            self.assertLogged(request_id, status=status, side="executor")
        # The engine was still draining during all of these requests.
        self.assertEqual(engine.get("/health")[0], 200)
        connection, stream, request_id = runs
        body = self.finished(connection, stream)
        self.assertTrue(is_whole("chat", body), body[-500:])
        self.assertLogged(request_id, status=200, end="complete", tokens=6000)

    def refuses(self, engine):
        try:
            status, said = engine.post(PATHS["chat"], question("chat", ENGINE_CHAT, 1))
        except (OSError, http.client.HTTPException) as error:
            raise AssertionError(f"the engine ended before it drained: {engine.said()[-2000:]}") from error
        return status == 500 and b"cannot schedule" in said
