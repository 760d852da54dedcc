import Testing

@testable import Edge

@Suite struct TenantLabelsTests {
    @Test func aHundredAreToldApart() {
        let labels = TenantLabels()
        let indices = (0..<100).map { labels.index(of: "tenant-\($0)") }
        #expect(Set(indices).count == 100)
        #expect(labels.index(of: "one too many") == labels.index(of: "another"))
        #expect(labels.names[labels.index(of: "one too many")] == "other")
        // Tenants that already have a label keep it.
        #expect(labels.index(of: "tenant-7") == indices[7])
        #expect(labels.names[indices[7]] == "tenant-7")
        #expect(labels.names.count == 101)
    }
}
