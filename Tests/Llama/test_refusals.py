"""Requests that the edge or the engine refuses; the client can tell which of them did."""

import json

import openai

from clients import CHAT, ENGINE_CHAT, Case, chat, new_id
from engine import CONTEXT_TOKENS

TOO_LONG = "x" * (CONTEXT_TOKENS + 1000)


class Refusals(Case):
    def test_an_unknown_model_never_reaches_the_engine(self):
        before = self.engine.requests()
        for protocol in ("HTTP/1.1", "HTTP/2"):
            request_id = new_id()
            with self.assertRaises(openai.NotFoundError) as refused:
                self.sdk(protocol).chat.completions.create(
                    **chat("no-such-model"), extra_headers={"x-request-id": request_id})
            self.assertEqual(refused.exception.code, "model_not_found")
            self.assertIn("no-such-model", refused.exception.body["message"])
            line = self.assertLogged(request_id, status=404, end="model_not_found", side="client")
            self.assertNotIn("executor", line)
        self.assertEqual(self.engine.requests(), before)

    def test_a_prompt_beyond_the_context(self):
        """The client gets the engine's own 400 unchanged."""
        long_chat = {"messages": [{"role": "user", "content": TOO_LONG}], "max_tokens": 8}
        long_completion = {"prompt": TOO_LONG, "max_tokens": 8}
        for path, fields in (("/v1/chat/completions", long_chat), ("/v1/completions", long_completion)):
            status, said = self.direct(path, {"model": ENGINE_CHAT, **fields})
            self.assertEqual((status, said["error"]["code"]), (400, "context_length_exceeded"), said)
            for protocol in ("HTTP/1.1", "HTTP/2"):
                with self.subTest(path=path, protocol=protocol):
                    request_id, sdk = new_id(), self.sdk(protocol)
                    create = sdk.chat.completions.create if "messages" in fields else sdk.completions.create
                    with self.assertRaises(openai.BadRequestError) as refused:
                        create(model=CHAT, **fields, extra_headers={"x-request-id": request_id})
                    self.assertEqual(refused.exception.body, said["error"])
                    self.assertIn(f"maximum context length is {CONTEXT_TOKENS} tokens", refused.exception.message)
                    self.assertLogged(request_id, status=400, model=CHAT)
        self.assertServes()

    def test_a_prompt_beyond_the_context_of_a_stream(self):
        """The engine sends a 200 before it checks the prompt, and then breaks off: no client may take that for a
        response.
        """
        body = {"model": CHAT, "messages": [{"role": "user", "content": TOO_LONG}], "stream": True}
        for tls in (True, False):
            request_id = new_id()
            status, fields, answer = self.curl("/v1/chat/completions", body=body, tls=tls, request_id=request_id)
            self.assertEqual((status, fields["content-type"]), (502, "application/json"), answer)
            self.assertEqual(set(json.loads(answer)), {"error"})
            self.assertLogged(request_id, status=502, end="executor_broke_off", side="executor")
        self.assertServes()

    def test_fields_of_the_wrong_type(self):
        """The engine answers 500. The client cannot fix that, so it gets the edge's text instead of the engine's."""
        body = chat(ENGINE_CHAT, temperature="warm")
        status, said = self.direct("/v1/chat/completions", body)
        self.assertEqual(status, 500, said)
        self.assertIn("temperature", said["error"]["message"])
        for tls in (True, False):
            request_id = new_id()
            status, _, answer = self.curl(
                "/v1/chat/completions", body={**body, "model": CHAT}, tls=tls, request_id=request_id)
            self.assertEqual(status, 500)
            self.assertEqual(json.loads(answer)["error"]["message"], "The model's executor failed.")
            self.assertLogged(request_id, status=500, end="executor_error", side="executor")

    def test_embeddings_of_a_model_that_has_none(self):
        status, said = self.direct("/v1/embeddings", {"model": ENGINE_CHAT, "input": "a river"})
        self.assertEqual(status, 500, said)
        request_id = new_id()
        with self.assertRaises(openai.InternalServerError) as refused:
            self.sdk("HTTP/2").embeddings.create(
                model=CHAT, input="a river", extra_headers={"x-request-id": request_id})
        self.assertEqual(refused.exception.body["message"], "The model's executor failed.")
        self.assertNotIn("embedding=True", refused.exception.message)
        self.assertLogged(request_id, status=500, end="executor_error")
        self.assertServes()
