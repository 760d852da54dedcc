"""The command lines of two coding agents, unchanged, with the edge as their API: one simple prompt each.

The model's text makes no sense; the test checks that the agent accepts it as a complete response.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import claude_agent_sdk

from case import VLLMCase
from clients import CHAT
from engine import RECORDED, UNIX
from servers import PATIENCE_SECONDS

CODEX = Path(sys.executable).parent / "codex"
CLAUDE = Path(claude_agent_sdk.__file__).parent / "_bundled/claude"


class Agents(VLLMCase):
    def ran(self, command, **environment):
        """Runs an agent; returns its output, and the log lines of its exchanges."""
        before = len(self.edge.log())
        with tempfile.TemporaryDirectory(prefix="test-vllm-agent-") as home:
            work = Path(home) / "work"
            work.mkdir()
            done = subprocess.run(
                [str(part) for part in command], cwd=work, stdin=subprocess.DEVNULL, capture_output=True,
                timeout=PATIENCE_SECONDS, text=True, env={
                    "PATH": os.environ["PATH"], "HOME": home, "CODEX_HOME": home,
                    # The proxies do not exist, so that every access of the agent to another network address fails at
                    # once.
                    "HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1",
                    **environment})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        lines = self.edge.log()[before:]
        self.assertTrue(lines)
        for line in lines:
            self.assertEqual((line["status"], line["end"]), (200, "complete"), line)
        return done.stdout, [line for line in lines if line["method"] == "POST"]

    def assertAnswered(self, lines, path, agent, model):
        """Checks that the agent streamed from this path, with a long prompt and the engine's own usage."""
        streams = [line for line in lines if line["path"] == path and line["stream"]]
        self.assertTrue(streams, lines)
        for line in streams:
            self.assertIn(agent, line["user_agent"])
            self.assertEqual(line["model"], model)
            self.assertGreater(line["prompt_tokens"], 2000)
            self.assertGreater(line["tokens"], 0)
            self.assertEqual((line["tokens_estimated"], line["prompt_tokens_estimated"]), (False, False))
        return streams

    def ran_codex(self, model):
        provider = (f'{{name="edge",base_url="http://127.0.0.1:{self.edge.clear}/v1",wire_api="responses",'
                    'env_key="EDGE_KEY"}')
        return self.ran(
            [CODEX, "exec", "--skip-git-repo-check", "--json", "--model", model,
             "--config", "model_provider=edge", "--config", f"model_providers.edge={provider}", "Say hello."],
            EDGE_KEY="none")

    def ran_claude(self, model):
        return self.ran(
            [CLAUDE, "--print", "Say hello.", "--model", model, "--output-format", "json"],
            ANTHROPIC_BASE_URL=f"http://127.0.0.1:{self.edge.clear}", ANTHROPIC_API_KEY="none",
            CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1")

    def test_fields(self):
        """The agents' session fields reach the engine; their keys do not."""
        expected = {
            self.ran_codex: {"originator", "session-id", "thread-id", "x-client-request-id", "x-codex-window-id",
                             "user-agent", "accept", "content-type"},
            self.ran_claude: {"x-claude-code-session-id", "x-app", "anthropic-version", "anthropic-beta",
                              "x-stainless-lang", "x-stainless-retry-count", "user-agent", "accept", "content-type"},
        }
        for ran, wanted in expected.items():
            self.recorder.requests.clear()
            _, lines = ran(RECORDED)
            self.assertTrue(self.recorder.requests)
            for fields in self.recorder.requests:
                names = {name for name, _ in fields}
                self.assertLessEqual(wanted, names)
                self.assertLessEqual({"via", "x-request-id", "accept-encoding", "host", "content-length"}, names)
                self.assertFalse(names & {"authorization", "x-api-key", "cookie"}, names)
            self.assertTrue(any(line.get("session") for line in lines), lines)

    def test_codex(self):
        for model in (CHAT, UNIX):
            with self.subTest(model):
                said, lines = self.ran_codex(model)
                events = [json.loads(line) for line in said.splitlines()]
                self.assertEqual([event for event in events if event["type"] in ("error", "turn.failed")], [])
                self.assertEqual(events[-1]["type"], "turn.completed")
                streams = self.assertAnswered(lines, "/v1/responses", "codex_exec", model)
                self.assertEqual(events[-1]["usage"]["output_tokens"], sum(line["tokens"] for line in streams))

    def test_claude(self):
        for model in (CHAT, UNIX):
            with self.subTest(model):
                said, lines = self.ran_claude(model)
                result = json.loads(said.splitlines()[-1])
                self.assertEqual((result["is_error"], result["subtype"]), (False, "success"), result)
                self.assertTrue(result["result"])
                streams = self.assertAnswered(lines, "/v1/messages", "claude-cli", model)
                self.assertEqual(result["usage"]["output_tokens"], sum(line["tokens"] for line in streams))
