"""All dialects, streamed and not, with tools and token ids: a client gets what the engine answers when asked
directly.
"""

import json

from case import PATHS, VLLMCase, errors_in, for_sdk, is_whole, payloads, question, text_of_answer, text_of_events
from clients import CHAT, ENGINE_CHAT, STORY, new_id, text_of
from engine import RECORDED, TCP_FIRST, UNIX, UNIX_FIRST

PROTOCOLS = ("HTTP/1.1", "HTTP/2")
DIALECTS = tuple(PATHS)
CITY = {"type": "object", "properties": {"city": {"enum": ["Bern", "Wien"]}}, "required": ["city"],
        "additionalProperties": False}
# With `strict`, the engine forces the output to match the schema. So even this tiny, untrained model calls the tool
# correctly.
CHAT_TOOL = {"type": "function", "function": {"name": "weather", "parameters": CITY, "strict": True}}
MESSAGES_TOOL = {"name": "weather", "input_schema": CITY, "strict": True}
RESPONSES_TOOL = {"type": "function", "name": "weather", "parameters": CITY, "strict": True}


class Answers(VLLMCase):
    def asked(self, dialect, model=CHAT, tls=True, **fields):
        """The body of the edge's response, and its log line."""
        request_id = new_id()
        status, _, body = self.curl(PATHS[dialect], body=question(dialect, model, **fields), tls=tls,
                                    request_id=request_id)
        self.assertEqual(status, 200, body)
        return body, self.assertLogged(request_id, status=200, end="complete", model=model)

    def told(self, dialect, model=ENGINE_CHAT, **fields):
        """The engine's own response, not streamed."""
        status, answer = self.engine.post(PATHS[dialect], question(dialect, model, **fields))
        self.assertEqual(status, 200, answer)
        return json.loads(answer)


class Models(Answers):
    def test_the_list_has_our_names(self):
        names = [CHAT, UNIX, RECORDED, TCP_FIRST, UNIX_FIRST]
        for protocol in PROTOCOLS:
            self.assertEqual([model.id for model in self.sdk(protocol).models.list()], names)


class Text(Answers):
    def test_whole(self):
        for dialect in DIALECTS:
            said = text_of_answer(dialect, self.told(dialect))
            self.assertGreater(len(said), 24)
            for model in (CHAT, UNIX):
                for tls in (True, False):
                    with self.subTest(dialect=dialect, model=model, tls=tls):
                        body, line = self.asked(dialect, model, tls)
                        self.assertEqual(text_of_answer(dialect, json.loads(body)), said)
                        self.assertEqual((line["stream"], line["attempts"]), (False, 1))
                        self.assertEqual((line["tokens"], line["tokens_estimated"]), (24, False))

    def test_streams(self):
        for dialect in DIALECTS:
            said = text_of_answer(dialect, self.told(dialect))
            for model in (CHAT, UNIX):
                for tls in (True, False):
                    with self.subTest(dialect=dialect, model=model, tls=tls):
                        body, line = self.asked(dialect, model, tls, stream=True)
                        self.assertTrue(is_whole(dialect, body.encode()), body)
                        self.assertEqual(errors_in(body), [])
                        self.assertEqual(text_of_events(dialect, payloads(body)), said)
                        self.assertEqual((line["stream"], line["attempts"]), (True, 1))
                        self.assertEqual((line["tokens"], line["tokens_estimated"]), (24, False))

    def test_usage_is_the_engines(self):
        for dialect in DIALECTS:
            usage = self.told(dialect)["usage"]
            prompt = usage.get("prompt_tokens", usage.get("input_tokens"))
            for stream in (False, True):
                with self.subTest(dialect=dialect, stream=stream):
                    _, line = self.asked(dialect, stream=stream)
                    self.assertEqual((line["prompt_tokens"], line["prompt_tokens_estimated"]), (prompt, False))

    def test_usage_of_a_stream_is_there_for_who_asks(self):
        for dialect in ("chat", "completions"):
            body, _ = self.asked(dialect, stream=True, stream_options={"include_usage": True})
            said = {name: count for name, count in self.told(dialect)["usage"].items() if count is not None}
            self.assertEqual([event["usage"] for event in payloads(body) if event.get("usage")], [said])
            body, _ = self.asked(dialect, stream=True)
            self.assertEqual([event for event in payloads(body) if event.get("usage") or not event["choices"]], [])

    def test_several_choices(self):
        fields = {"n": 2, "temperature": 1, "seed": 5, "ignore_eos": True}
        said = [choice["message"]["content"] for choice in self.told("chat", **fields)["choices"]]
        self.assertEqual(len(set(said)), 2)
        body, line = self.asked("chat", **fields)
        self.assertEqual([choice["message"]["content"] for choice in json.loads(body)["choices"]], said)
        self.assertEqual(line["tokens"], 48)
        body, line = self.asked("chat", stream=True, **fields)
        choices = [choice for event in payloads(body) for choice in event["choices"]]
        for index in (0, 1):
            mine = [choice for choice in choices if choice["index"] == index]
            self.assertEqual("".join(choice["delta"].get("content") or "" for choice in mine), said[index])
            self.assertEqual(mine[-1]["finish_reason"], "length")
        self.assertEqual(line["tokens"], 48)

    def test_count_of_tokens(self):
        body = {"model": CHAT, "messages": STORY[1:]}
        status, said = self.engine.post("/v1/messages/count_tokens", {**body, "model": ENGINE_CHAT})
        self.assertEqual(status, 200, said)
        for protocol in PROTOCOLS:
            self.assertEqual(self.anthropic(protocol).messages.count_tokens(**body).input_tokens,
                             json.loads(said)["input_tokens"])


class SDKs(Answers):
    """The dialects through the SDKs, which check the format of the responses."""

    def test_openai(self):
        said = {dialect: text_of_answer(dialect, self.told(dialect)) for dialect in DIALECTS}
        for protocol in PROTOCOLS:
            with self.subTest(protocol):
                sdk = self.sdk(protocol)
                creates = {"chat": sdk.chat.completions.create, "completions": sdk.completions.create}
                for dialect, create in creates.items():
                    self.assertEqual(text_of_answer(dialect, create(**question(dialect)).model_dump()), said[dialect])
                    self.assertEqual(text_of(create(**question(dialect), stream=True)), said[dialect])
                self.assertEqual(sdk.responses.create(**question("responses")).output_text, said["responses"])
                with sdk.responses.stream(**question("responses")) as stream:
                    self.assertEqual(stream.get_final_response().output_text, said["responses"])

    def test_anthropic(self):
        said = text_of_answer("messages", self.told("messages"))
        for protocol in PROTOCOLS:
            with self.subTest(protocol):
                sdk = self.anthropic(protocol)
                body = for_sdk(question("messages"))
                self.assertEqual(sdk.messages.create(**body).content[0].text, said)
                with sdk.messages.stream(**body) as stream:
                    last = stream.get_final_message()
                self.assertEqual((last.content[0].text, last.stop_reason), (said, "max_tokens"))
                self.assertEqual(last.usage.output_tokens, 24)


class Tools(Answers):
    CHOICES = ("required", {"type": "function", "function": {"name": "weather"}})

    def assertCall(self, name, arguments):
        self.assertEqual(name, "weather")
        self.assertIn(json.loads(arguments), ({"city": "Bern"}, {"city": "Wien"}))

    def test_chat(self):
        for choice in self.CHOICES:
            for stream in (False, True):
                with self.subTest(choice=choice, stream=stream):
                    body, line = self.asked("chat", tokens=200, tools=[CHAT_TOOL], tool_choice=choice, stream=stream)
                    if stream:
                        parts = [choice["delta"] for event in payloads(body) for choice in event["choices"]]
                        calls = [call["function"] for part in parts for call in part.get("tool_calls") or []]
                        self.assertTrue(is_whole("chat", body.encode()))
                    else:
                        calls = [call["function"]
                                 for call in json.loads(body)["choices"][0]["message"]["tool_calls"]]
                    self.assertCall("".join(call.get("name") or "" for call in calls),
                                    "".join(call.get("arguments") or "" for call in calls))
                    # vLLM reports `stop` if the client named the tool.
                    self.assertEqual(line["finish_reason"], "tool_calls" if choice == "required" else "stop")

    def test_messages(self):
        body = for_sdk(question("messages", tokens=200, tools=[MESSAGES_TOOL],
                                tool_choice={"type": "tool", "name": "weather"}))
        whole = self.anthropic().messages.create(**body)
        with self.anthropic().messages.stream(**body) as stream:
            streamed = stream.get_final_message()
        for answer in (whole, streamed):
            [call] = answer.content
            self.assertCall(call.name, json.dumps(call.input))
            self.assertEqual(answer.stop_reason, "tool_use")

    def test_responses(self):
        body = question("responses", tokens=200, tools=[RESPONSES_TOOL], tool_choice="required")
        whole = self.sdk("HTTP/2").responses.create(**body)
        with self.sdk("HTTP/2").responses.stream(**body) as stream:
            streamed = stream.get_final_response()
        for answer in (whole, streamed):
            [call] = [item for item in answer.output if item.type == "function_call"]
            self.assertCall(call.name, call.arguments)
            self.assertEqual(answer.status, "completed")

    def test_a_tool_that_nobody_forces(self):
        """The model may call the tool but does not know how: the response is text, and the prompt holds the tool's
        description.
        """
        _, plain = self.asked("chat")
        _, line = self.asked("chat", tools=[CHAT_TOOL], tool_choice="auto")
        self.assertGreater(line["prompt_tokens"], plain["prompt_tokens"] + 20)


class TokenIds(Answers):
    def test_chat_gives_them(self):
        said = self.told("chat", return_token_ids=True)
        self.assertEqual(len(said["choices"][0]["token_ids"]), 24)
        body, _ = self.asked("chat", return_token_ids=True)
        answer = json.loads(body)
        self.assertEqual((answer["prompt_token_ids"], answer["choices"][0]["token_ids"]),
                         (said["prompt_token_ids"], said["choices"][0]["token_ids"]))
        body, _ = self.asked("chat", return_token_ids=True, stream=True)
        parts = payloads(body)
        self.assertEqual(parts[0]["prompt_token_ids"], said["prompt_token_ids"])
        self.assertEqual([token for part in parts for choice in part["choices"]
                          for token in choice.get("token_ids") or []],
                         said["choices"][0]["token_ids"])

    def test_completions_take_them(self):
        """A stream that is continued from its tokens gives the same text as the whole stream."""
        said = self.told("completions", return_token_ids=True)["choices"][0]
        ids = said["prompt_token_ids"] + said["token_ids"][:10]
        for model in (CHAT, UNIX):
            for stream in (False, True):
                with self.subTest(model=model, stream=stream):
                    body, line = self.asked("completions", model, prompt=ids, tokens=14, return_token_ids=True,
                                            stream=stream)
                    answers = payloads(body) if stream else [json.loads(body)]
                    self.assertEqual([token for answer in answers for choice in answer["choices"]
                                      for token in choice["token_ids"] or []], said["token_ids"][10:])
                    self.assertEqual(line["prompt_tokens"], len(ids))


class Refusals(Answers):
    def test_a_limit_beyond_the_context_is_told_in_the_engines_words(self):
        for dialect in DIALECTS:
            for stream in (False, True):
                with self.subTest(dialect=dialect, stream=stream):
                    body = question(dialect, ENGINE_CHAT, tokens=10_000_000, stream=stream)
                    status, said = self.engine.post(PATHS[dialect], body)
                    self.assertEqual(status, 400, said)
                    request_id = new_id()
                    status, _, answer = self.curl(PATHS[dialect], body={**body, "model": CHAT}, request_id=request_id)
                    self.assertEqual((status, json.loads(answer)["error"]["message"]),
                                     (400, json.loads(said)["error"]["message"]))
                    line = self.edge.logged(request_id)
                    self.assertEqual((line["status"], line["attempts"]), (400, 1), line)

    def test_an_unknown_model_never_reaches_the_engine(self):
        for dialect in DIALECTS:
            request_id = new_id()
            status, _, _ = self.curl(PATHS[dialect], body=question(dialect, "no-such-model"), request_id=request_id)
            self.assertEqual(status, 404)
            self.assertNotIn("executor", self.assertLogged(request_id, status=404, end="model_not_found"))
