import Testing

@testable import Edge

@Suite struct TenantLabelsTests {
    @Test func aHundredAreToldApart() {
        let labels = TenantLabels()
        let places = (0..<100).map { labels.place(of: "tenant-\($0)") }
        #expect(Set(places).count == 100)
        #expect(labels.place(of: "one too many") == labels.place(of: "another"))
        #expect(labels.names[labels.place(of: "one too many")] == "other")
        // Those that have a name keep it.
        #expect(labels.place(of: "tenant-7") == places[7])
        #expect(labels.names[places[7]] == "tenant-7")
        #expect(labels.names.count == 101)
    }
}
