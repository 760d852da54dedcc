import Testing

@testable import Edge

/// Tests the table that `freeinference status` prints.
@Suite struct StatusTableTests {
    private static let executor = """
        {"url":"http://10.0.0.1:8000","model":"m","state":"ejected","why":"3 health probes in a row failed",
        "drained":false,"usable":false,"running":3,"max_running":16,"learnt_max_running":7,"paused_seconds":2,
        "weight":1,"configured_weight":1}
        """
    private static let drained = """
        {"url":"http://a-very-long-name.of-some-host.in-some-cluster.example.com:8000/with/a/path","model":"m",
        "state":"healthy","drained":true,"usable":false,"running":2,"weight":0,"configured_weight":1}
        """

    private func table(more: String = "", width: Int? = nil) throws -> [String] {
        let json = """
            {"version":"0.1.0","state":"ready","uptime_seconds":93784,"workers":2,"connections":4,"connections_max":100,
            "exchanges":3,"memory_used_bytes":1048576,"memory_limit_bytes":1073741824,
            "configuration":{"generation":7,"since":"2026-11-29T02:00:00Z"},
            "models":[{"id":"llama","usable":false,"queued":5,"executors":[\(Self.executor),\(Self.drained)]}]\(more)}
            """
        return try #require(StatusTable(json: Array(json.utf8), width: width)).lines
    }

    @Test func everythingIsThere() throws {
        let text = try table().joined(separator: "\n")
        for part in [
            "freeinference 0.1.0: ready for 1 d 2 h, 2 workers", "generation 7, since 2026-11-29T02:00:00Z",
            "4 of 100 connections, 3 exchanges, 1 of 1024 MiB", "3/16", "3 health probes in a row failed",
            "takes 7 at once", "a pause of 2 s", "5 requests wait for llama",
        ] { #expect(text.contains(part), "\(part):\n\(text)") }
        #expect(!text.contains("MAINTENANCE") && !text.contains("ORDERS") && !text.contains("CERTIFICATE"))
    }

    @Test func aModelWithoutExecutorsHasItsRow() throws {
        let json = """
            {"version":"0.1.0","state":"ready","models":[{"id":"none-yet","usable":false,"queued":0,"executors":[]}]}
            """
        let lines = try #require(StatusTable(json: Array(json.utf8), width: nil)).lines
        #expect(lines.contains { $0.contains("none-yet") && $0.contains("no executor") }, "\(lines)")
    }

    /// The table has a column for the load that engines report, if at least one engine reports its load.
    @Test func whatEnginesSayIsAColumn() throws {
        let said = #""running":3,"waiting":1,"cache_used_percent":45,"cache_tokens":131072"#
        let executors = [
            #"{"url":"http://a","state":"healthy","running":0,"weight":1,"engine":{\#(said)}}"#,
            #"{"url":"http://b","state":"healthy","running":0,"weight":1,"engine":{"cache_tokens":9}}"#,
            #"{"url":"http://c","state":"healthy","running":0,"weight":1,"missing_flag":"--enable-cache-report"}"#,
        ]
        let model = #"{"id":"m","executors":[\#(executors.joined(separator: ","))]}"#
        let json = #"{"version":"0.1.0","models":[\#(model),{"id":"n"}]}"#
        let lines = try #require(StatusTable(json: Array(json.utf8))).lines
        #expect(lines.contains { $0.hasSuffix("WEIGHT  THE ENGINE SAYS") }, "\(lines)")
        let words = "1       3 running, 1 waiting, cache 45 % of 131072 tokens"
        #expect(lines.contains { $0.hasSuffix(words) }, "\(lines)")
        #expect(lines.contains { $0.hasSuffix("1       cache of 9 tokens") }, "\(lines)")
        #expect(lines.contains { $0.contains("start it with --enable-cache-report") }, "\(lines)")
        #expect(try !table().joined().contains("ENGINE SAYS"))
    }

    @Test func ordersSayThatARestartForgetsThem() throws {
        let text = try table(
            more: """
                ,"maintenance":{"since":"2026-11-29T02:01:00Z","retry_after":60,"text":"Back at five."},
                "orders":[{"url":"http://10.0.0.1:8000","drained":true,"weight":4},
                {"url":"http://10.0.0.2:8000","model":"m","drained":false,"weight":0}],
                "certificates":[{"listener":"0.0.0.0:443","name":"a.example","days_left":-3}]
                """
        ).joined(separator: "\n")
        for part in [
            "MAINTENANCE since 2026-11-29T02:01:00Z: Back at five.", "a restart ends it", "a restart forgets them",
            "http://10.0.0.1:8000: drained, weight 4", "http://10.0.0.2:8000 for m: weight 0",
            "a.example    0.0.0.0:443  -3",
        ] { #expect(text.contains(part), "\(part):\n\(text)") }
    }

    @Test(arguments: [0, 80, 100, 300]) func noLineIsWiderThanTheTerminal(width: Int) throws {
        let lines = try table(
            more: #","configuration_":0,"orders":[{"url":"\#(String(repeating: "u", count: 200))","drained":true}]"#,
            width: width
        )
        #expect(lines.allSatisfy { $0.count <= max(80, width) }, "\(lines)")
        #expect(lines.contains { $0.contains("drained") && $0.contains("  2") }, "\(lines)")
        let isCut = lines.contains { $0.contains("...") }
        #expect(isCut == (width < 300), "\(lines)")
    }

    @Test(arguments: ["", "{}", "no", #"{"version":"1"}"#]) func whatIsNoStatusIsNone(text: String) {
        #expect(StatusTable(json: Array(text.utf8)) == nil)
    }
}
