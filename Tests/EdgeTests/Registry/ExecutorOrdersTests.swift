// Orders that an operator gives for executors by a command: drain, resume, or use another weight.
import Routing
import Testing

@testable import Edge

/// An operator orders by an engine's URL to drain or resume its executors, or to give them another weight.
///
/// An order also applies to executors of later configurations.
@Suite struct ExecutorOrdersTests {
    private typealias Target = ExecutorOrders.Target
    private let url = "http://e1:80"

    @Test func theOwnOrderOfAModelPrecedesItsEngines() {
        var orders = ExecutorOrders()
        orders.give(.weight(3), to: Target(url: url))
        orders.give(.weight(5), to: Target(url: url, model: "a"))
        orders.give(.drain, to: Target(url: url, model: "b"))
        #expect(orders.effective(url: url, model: "a") == .init(isDrained: false, weight: 5))
        #expect(orders.effective(url: url, model: "b") == .init(isDrained: true, weight: 3))
        #expect(orders.effective(url: "http://e2:80", model: "a") == .init())
        #expect(
            orders.all.map(\.target) == [Target(url: url), Target(url: url, model: "a"), Target(url: url, model: "b")]
        )
        orders.give(.drain, to: Target(url: url))
        orders.give(.resume, to: Target(url: url, model: "b"))
        #expect(orders.effective(url: url, model: "b").isDrained, "its engine is drained")
        orders.give(.resume, to: Target(url: url))
        #expect(orders.all.isEmpty)
    }

    @Test func anOrderOutlivesTheConfigurationsThatDoNotNameItsURL() throws {
        let registry = Registry()
        let models = "- {id: a, executors: [{url: 'http://e1'}, {url: 'http://e2'}]}"
        var snapshot: Snapshot? = try registry.resolve(models: models)
        registry.give(.drain, to: Target(url: url), at: 1)
        #expect(snapshot?.executor("a", "e1").isDrained == true && snapshot?.executor("a", "e2").isDrained == false)
        snapshot = nil
        snapshot = try registry.resolve(models: "- {id: a, executors: [{url: 'http://e2'}]}")
        #expect(registry.counts.executors == 1 && registry.orders.all.count == 1)
        snapshot = try registry.resolve(models: models + "\n- {id: b, executors: [{url: 'http://e1'}]}")
        #expect(snapshot?.executor("a", "e1").isDrained == true, "its URL is back")
        #expect(snapshot?.executor("b", "e1").isDrained == true, "so is a model that is new at the drained engine")
        registry.give(.resume, to: Target(url: url), at: 2)
        #expect(snapshot?.executor("b", "e1").isDrained == false)
    }

    @Test func anOrderForAURLHoldsForEachAddressOfItsName() {
        var orders = ExecutorOrders()
        let (one, two) = ("\(url) (10.0.0.1)", "\(url) (10.0.0.2)")
        orders.give(.drain, to: Target(url: url))
        orders.give(.weight(4), to: Target(url: two))
        #expect(orders.effective(url: one, model: "a") == .init(isDrained: true, weight: nil))
        #expect(orders.effective(url: two, model: "a") == .init(isDrained: true, weight: 4))
        #expect(orders.effective(url: "http://e1:801 (10.0.0.1)", model: "a") == .init())
        orders.give(.resume, to: Target(url: one))
        #expect(orders.effective(url: one, model: "a").isDrained, "the order for the URL stays")
        orders.give(.resume, to: Target(url: url))
        #expect(orders.all.isEmpty, "those for its addresses have ended too")
    }

    @Test func oneModelOfAnEngineMayBeDrained() throws {
        let registry = Registry()
        let snapshot = try registry.resolve(
            models: "- {id: a, executors: [{url: 'http://e1'}]}\n- {id: b, executors: [{url: 'http://e1', weight: 2}]}"
        )
        registry.give(.drain, to: Target(url: url, model: "a"), at: 1)
        registry.give(.weight(7), to: Target(url: url, model: "b"), at: 1)
        #expect(snapshot.executor("a", "e1").isDrained && !snapshot.executor("b", "e1").isDrained)
        #expect(snapshot.pool(of: "b").members[0].presentWeight == 7)
    }
}
