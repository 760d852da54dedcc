// Which models the edge assumes that an engine has, after the lists of models that the engine has returned so far.
import Configuration
import Testing

@testable import Edge

/// Which models the edge assumes that an engine has, after the lists of models that the engine has returned so far.
@Suite struct DiscoveredModelsTests {
    private func list(_ names: String..., kind: String = "") -> EngineListing {
        let items = names.map { #"{"id":"\#($0)","owned_by":"\#(kind)"}"# }.joined(separator: ",")
        return EngineListing(body: Array(#"{"data":[\#(items)]}"#.utf8), server: nil)!
    }

    private func names(_ models: DiscoveredModels) -> [String]? { models.listing?.models.map(\.name) }

    @Test func aModelGoesAfterTwoListsWithoutIt() {
        var models = DiscoveredModels()
        #expect(names(models) == nil)
        models.take(list("a", "b"))
        models.take(list("b"))
        #expect(names(models) == ["a", "b"])
        models.take(list("b"))
        #expect(names(models) == ["b"])
        models.take(list())
        models.take(list())
        #expect(names(models) == [])
    }

    @Test func aModelThatIsListedAgainCountsAnew() {
        var models = DiscoveredModels()
        for names in [["a", "b"], ["b"], ["a", "b"], ["b"]] { models.take(list(names[0], names.last!)) }
        #expect(names(models) == ["a", "b"])
        models.take(list("b"))
        #expect(names(models) == ["b"])
    }

    /// A list of the same models in another order is no change.
    @Test func theOrderStays() {
        var models = DiscoveredModels()
        models.take(list("b", "a", "c"))
        let first = models.listing
        models.take(list("c", "a", "b"))
        #expect(models.listing == first)
        models.take(list("d", "c", "a", "b"))
        #expect(names(models) == ["b", "a", "c", "d"])
    }

    @Test func whatIsKnownFromBeforeIsKept() {
        var before = DiscoveredModels()
        before.take(list("a", kind: "vllm"))
        var models = DiscoveredModels(known: before.listing)
        #expect(models.listing?.kind == .vllm)
        models.take(list("b"))
        #expect(names(models) == ["a", "b"])
    }

    /// Models that one list lacks still count towards the maximum until a second list lacks them too.
    @Test func neverMoreThanTheMost() {
        func many(from start: Int) -> EngineListing {
            let items = (start..<(start + 10_000)).map { #"{"id":"m\#($0)"}"# }.joined(separator: ",")
            return EngineListing(body: Array(#"{"data":[\#(items)]}"#.utf8), server: nil)!
        }
        var models = DiscoveredModels()
        models.take(many(from: 0))
        #expect(models.listing?.models.count == EngineListing.modelsMax)
        models.take(many(from: 500))
        #expect(models.listing?.models.count == EngineListing.modelsMax && names(models)?.first == "m0")
        models.take(many(from: 500))
        #expect(models.listing?.models.count == EngineListing.modelsMax && names(models)?.first == "m500")
    }
}
