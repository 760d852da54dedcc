import Testing

@testable import Edge

@Suite struct PrometheusTextTests {
    @Test func aFamilyToTheByte() {
        var text = PrometheusText()
        text.family("a_total", .counter, "Back\\slash and\nline.")
        text.sample([("x", "q\"b\\n\nz"), ("y", "2")], 3)
        text.sample([], 4)
        let expected =
            "# HELP a_total Back\\\\slash and\\nline.\n# TYPE a_total counter\n"
            + "a_total{x=\"q\\\"b\\\\n\\nz\",y=\"2\"} 3\na_total 4\n"
        #expect(String(decoding: text.bytes, as: UTF8.self) == expected)
    }

    @Test func aHistogramIsCumulative() {
        var histogram = Histogram(bounds: [1_000_000, 2_500_000_000])
        for value: UInt64 in [5, 1_000_000, 1_000_001, 9_000_000_000] { histogram.observe(value) }
        var text = PrometheusText()
        text.family("h_seconds", .histogram, "H.")
        text.histogram([("m", "x")], histogram, .seconds)
        let lines = String(decoding: text.bytes, as: UTF8.self).split(separator: "\n").dropFirst(2).map(String.init)
        #expect(
            lines == [
                #"h_seconds_bucket{m="x",le="0.001"} 2"#, #"h_seconds_bucket{m="x",le="2.5"} 3"#,
                #"h_seconds_bucket{m="x",le="+Inf"} 4"#, #"h_seconds_sum{m="x"} 9.002000006"#,
                #"h_seconds_count{m="x"} 4"#,
            ]
        )
    }

    @Test(arguments: [
        (0, "0"), (1, "0.000000001"), (10_000, "0.00001"), (1_500_000_000, "1.5"), (120_000_000_000, "120"),
    ])
    func nanosecondsAreToldInSeconds(value: UInt64, text: String) {
        #expect(PrometheusText.text(value, .seconds) == text)
        #expect(Double(text) == Double(value) / 1e9)
    }
}
