import Testing

@testable import Edge

/// Tests how the URL that the operator writes is matched to an executor.
@Suite struct OrderCommandTests {
    private let known = [
        "http://gpu-1:8000", "http://gpu-10:8000", "http://[::1]:80", "https://api.example.com:443/llm",
        "unix:/run/vllm.sock", "http://10.0.0.1:8000", "http://10.0.0.1:8001",
    ]

    private func found(_ given: String) -> String? { try? OrderCommand.url(given, among: known) }

    @Test func aURLMayBeWrittenAsInTheConfiguration() {
        #expect(found("http://GPU-1:8000/") == known[0])
        #expect(found("https://api.example.com/llm") == known[3])
        #expect(found("http://[::1]") == known[2])
        #expect(found("unix:/run/vllm.sock") == known[4])
    }

    @Test func itsBeginningIsEnoughIfItIsTheOnlyOne() {
        #expect(found("gpu-1") == known[0], "gpu-10 is another name")
        #expect(found("http://gpu-10") == known[1])
        #expect(found("https:") == known[3] && found("unix:") == known[4])
        #expect(found("10.0.0.1:8001") == known[6])
        #expect(found("10.0.0.1:80") == nil, "a number is not the beginning of another one")
        #expect(found("gpu") == nil || found("gpu") == known[0])
    }

    @Test func aURLMeansAllAddressesOfItsName() throws {
        let known = [
            "http://vllm:8000", "http://vllm:8000 (10.0.0.5)", "http://vllm:8000 (10.0.0.6)", "http://vllm2:8000",
        ]
        for given in ["http://vllm:8000", "vllm:8000", "vllm"] {
            #expect(try OrderCommand.url(given, among: known) == known[0], "\(given)")
        }
        #expect(try OrderCommand.url("http://vllm:8000 (10.0.0.6)", among: known) == known[2])
        #expect(try OrderCommand.url("vllm:8000 (10.0.0.5)", among: known) == known[1])
    }

    @Test func whatIsUnknownOrNotTheOnlyOneIsToldWithWhatThereIs() {
        for (given, named) in [("http://other", known), ("", known), ("10.0.0.1", Array(known[5...]))] {
            do throws(CommandRequest.Problem) {
                _ = try OrderCommand.url(given, among: known)
                Issue.record("\(given) is taken")
            } catch {
                guard case .argument(let text) = error else {
                    Issue.record("\(error)")
                    return
                }
                for url in named { #expect(text.contains(url), "\(text)") }
            }
        }
    }
}
