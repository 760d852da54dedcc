import Testing

@testable import Inference

@Suite struct ErrorRedactionTests {
    @Test(arguments: [
        ("at http://10.0.0.5:8000/v1/chat.", "at [address]."),
        ("see https://errors.pydantic.dev/2.14/v/missing\", then", "see [address]\", then"),
        ("connect to http://[fe80::1]:8000/x failed", "connect to [address] failed"),
        ("10.0.0.5 and 10.0.0.6:80, then (127.0.0.1)", "[address] and [address], then ([address])"),
        ("from [::1]:9000, fe80::12 and 2001:db8:0:1:1:1:1:1.", "from [address], [address] and [address]."),
        ("localhost:8000 vllm-0:8000 engine:11434 a.svc.cluster.local", "[address] [address] [address] [address]"),
        ("HTTPConnectionPool(host='engine', port=8000)", "HTTPConnectionPool(host=[address], port=8000)"),
        ("unix:/run/vllm/a.sock refused", "unix:[path] refused"),
        ("File \"/opt/vllm/engine.py\", line 10", "File \"[path]\", line 10"),
        ("no /models/x/config.json or ~/cache/y", "no [path] or ~[path]"),
        (#"at C:\models\x.gguf now"#, "at [path] now"),
        ("Incorrect API key provided: sk-abcdef1234567890.", "Incorrect API key provided: [key]."),
        ("keys AIzaSyA12345678901234567, gsk_abcdefghijklmnop and xai-abcdefghijklmnop", "keys [key], [key] and [key]"),
        ("Authorization: Basic dXNlcjpwYXNzd29yZA== is wrong", "Authorization: [key] is wrong"),
        ("at ?api_key=abcdefghijklmnopqrstuvwxyz&n=1", "at ?api_key=[key]&n=1"),
        ("{'x-api-key': 'abc123def456'} or password=hunter22x", "{'x-api-key': '[key]'} or password=[key]"),
        ("tcp-10.0.0.3 x_10.0.0.3:80 node192.168.1.9", "tcp-[address] [address] node[address]"),
        ("http%3A%2F%2F10.0.0.3%3A8000 and %3A%2F%2F10.0.0.3", "[address] and %3A%2F%2F[address]"),
        (#"at http:\/\/engine\/v1 now"#, "at [address] now"),
        ("gpu1.corp.acme.io, ec2-1-2-3-4.compute.amazonaws.com.", "[address], [address]."),
        ("ip-10-0-0-3 is gone", "[address] is gone"),
    ]) func takesOutWhatIsTheOperators(said: String, shown: String) { #expect(ErrorRedaction.redacted(said) == shown) }

    @Test(arguments: [
        "This model's maximum context length is 65536 tokens. (parameter=input_tokens, value=65537)",
        "Invalid URL (POST /v1/chat/foo)", "body.messages.0: Field required", "image/png and/or N/A at 12:30:45",
        "Expected ':' at line:120, code:400, max_tokens:4096", "std::vector<int> at::Tensor c10::Error",
        "version 2.14.3",
        "torch-2.1.0.4 and v1.2.3.4", "Basic authentication, api_key: required", "max_tokens=4096 token: 12",
        "model.layers.0.weight, torch.nn.functional, acme.io", "ip-1-2-3 and secretary=x",
        "a </tool_call> without <tool_call>", "ratio 3:10, 1.5.2", "é / ü", "", "vLLM 0.32.0 on 3/4",
    ]) func leavesTheRest(text: String) { #expect(ErrorRedaction.redacted(text) == text) }

    @Test func knowsNamesOfPrograms() {
        #expect(ErrorRedaction.identifier("BadRequestError") == "BadRequestError")
        #expect(ErrorRedaction.identifier("Bad Request") == "Bad Request")
        #expect(ErrorRedaction.identifier("body.messages[0].content") == "body.messages[0].content")
        #expect(ErrorRedaction.identifier("what the client wrote is a sentence") == nil)
        #expect(ErrorRedaction.identifier("a/b") == nil)
        #expect(ErrorRedaction.identifier("") == nil && ErrorRedaction.identifier(nil) == nil)
        #expect(ErrorRedaction.identifier(String(repeating: "x", count: 65)) == nil)
    }
}
