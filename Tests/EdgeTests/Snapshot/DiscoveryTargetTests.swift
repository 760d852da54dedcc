import Configuration
import Inference
import Testing

@testable import Edge

/// What a snapshot contains for each engine that the edge asks for its list of models.
@Suite struct DiscoveryTargetTests {
    private func path(_ target: DiscoveryTarget) -> String { String(decoding: target.path, as: UTF8.self) }

    @Test func anEngineIsThereBeforeItsModels() throws {
        let snapshot = try Registry().resolve(
            models: "- {discover: 'http://one/base', api_key: k}\n- {discover: 'http://two', kind: anthropic}"
        )
        #expect(snapshot.models.isEmpty && snapshot.engines.count == 2 && snapshot.addresses.count == 2)
        #expect(snapshot.discovered.map(path) == ["/base/v1/models", "/v1/models?limit=1000"])
        #expect(snapshot.discovered[0].engine === snapshot.engines[0])
        #expect(snapshot.catalog.listJSON() == Array(#"{"object":"list","data":[]}"#.utf8))
    }

    @Test func anEngineOfAModelIsOneEngine() throws {
        let registry = Registry()
        let first = try registry.resolve(
            models: "- {id: a, executors: [{url: 'http://one'}]}\n- {discover: 'http://one'}"
        )
        #expect(first.engines.count == 1 && first.discovered[0].engine === first.engines[0])
        let second = try registry.resolve(models: "- {discover: 'http://one', weight: 3}")
        #expect(second.discovered[0].engine.engine === first.engines[0].engine)
        #expect(second.discovered[0].asksLike(first.discovered[0]))
        let other = try registry.resolve(models: "- {discover: 'http://one', api_key: other}")
        #expect(!other.discovered[0].asksLike(second.discovered[0]))
    }
}
