import Testing

@testable import Edge

@Suite struct StartChecksTests {
    @Test func moreConnectionsThanDescriptorsAreAWarning() throws {
        let text = """
            listeners: [{address: "127.0.0.1:8080"}]
            workers: 2
            max_connections: 700
            models: [{id: m, executors: [{url: "http://e"}]}]
            """
        let configuration = try configuration(text)
        #expect(StartChecks.descriptorWarnings(configuration, limit: 1024).isEmpty)
        #expect(
            StartChecks.descriptorWarnings(configuration, limit: 960) == [
                "warning: max_connections: 688 may come in, not 700: RLIMIT_NOFILE is 960, of which executors keep a quarter"
            ]
        )
    }
}
