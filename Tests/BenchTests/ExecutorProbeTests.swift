// Reading the simulated executor's list of requests whose clients left before the end.
import Testing

@testable import Bench

@Suite struct ExecutorProbeTests {
    @Test func abortsAreRead() {
        let text =
            "[{\"sequence\":7,\"request_id\":\"bench-1\",\"ns\":99,\"phase\":\"prefill\",\"emitted\":0},"
            + "{\"sequence\":8,\"request_id\":null,\"ns\":100,\"phase\":\"body\",\"emitted\":0}]"
        #expect(
            ExecutorProbe.parse(text) == [
                SeenAbort(sequence: 7, requestID: "bench-1", at: 99, phase: "prefill"),
                SeenAbort(sequence: 8, requestID: "", at: 100, phase: "body"),
            ]
        )
    }
}
