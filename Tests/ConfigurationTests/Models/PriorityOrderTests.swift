// Tests how the configuration is read for three settings: an executor's `priority`, the shares of the classes in the
// queue, and the class of clients without a key.

import Routing
import Testing

@testable import Configuration

@Suite struct PriorityOrderTests {
    private static let settings: [(String, PrioritySetting)] = [
        ("kind: vllm", .off), ("kind: vllm, priority: false", .off), ("priority: true", .byKind),
        ("kind: vllm, priority: true", .byKind), ("kind: sglang, priority: true", .byKind),
        ("kind: sglang, priority: lowest-first", .order(.lowestFirst)),
        ("kind: openai, priority: highest-first", .order(.highestFirst)),
    ]

    @Test(arguments: settings) func theSettingIsRead(settings: String, expected: PrioritySetting) throws {
        let configuration = try read(valid(executor: ", \(settings)")).get()
        #expect(configuration.models[0].executors.map(\.priority) == [expected])
    }

    /// Engines can serve requests by a priority number.
    ///
    /// The kind of the engine decides whether it serves the lowest or the highest number first. An unknown kind counts
    /// as vLLM.
    @Test func theKindDecidesTheOrder() {
        let orders = ExecutorSettings.Kind.allCases.map { ($0, $0.priorityOrder) }
        for (kind, order) in orders {
            let expected: PriorityOrder? =
                switch kind {
                case .vllm, .auto: .lowestFirst
                case .sglang: .highestFirst
                default: nil
                }
            #expect(order == expected, "\(kind)")
        }
    }

    @Test(arguments: ["openai", "anthropic", "ollama", "llama.cpp"])
    func enginesWithoutPrioritiesAreAFault(kind: String) {
        let found = faults(valid(executor: ", kind: \(kind), priority: true"))
        let why = "engines of kind \(kind) do not schedule by a priority of requests"
        #expect(found.count == 1 && found[0].hasSuffix(why), "\(found)")
    }

    @Test func anythingElseIsAFault() {
        let found = faults(valid(executor: ", priority: high"))
        let why = "expected true, false, lowest-first or highest-first"
        #expect(found.count == 1 && found[0].hasSuffix(why), "\(found)")
    }

    @Test func theValuesAreInTheOrderOfTheEngine() {
        #expect(PriorityClass.allCases.map { PriorityOrder.lowestFirst.value(of: $0) } == [-10, 0, 10])
        #expect(PriorityClass.allCases.map { PriorityOrder.highestFirst.value(of: $0) } == [10, 0, -10])
    }

    // MARK: Shares

    @Test func sharesAreReadInPercent() throws {
        let shares = try read(valid(and: "admission: {shares: {standard: 30%, bulk: 0%}}")).get().admission.shares
        #expect(shares == QueueShares(standard: 30, bulk: 0))
        #expect(try read(valid()).get().admission.shares == QueueShares(standard: 20, bulk: 5))
    }

    @Test(arguments: [
        ("{bulk: 5}", "admission.shares.bulk: '5': expected a whole number of percent such as 20%"),
        ("{bulk: 91%}", "admission.shares.bulk: '91%': must be between 0% and 90%"),
        ("{standard: 1.5%}", "admission.shares.standard: '1.5%': expected a whole number of percent such as 20%"),
        ("{standard: -1%}", "admission.shares.standard: '-1%': must be between 0% and 90%"),
        ("{bulk: 71%}", "with standard (20%) and bulk (71%), the sum is above 90%"),
        ("{standard: 50%, bulk: 41%}", "with standard (50%) and bulk (41%), the sum is above 90%"),
        ("{standard: 90%}", "with standard (90%) and bulk (5%), the sum is above 90%"),
        ("{interactive: 10%}", "unknown key 'interactive' in 'admission.shares'"),
    ]) func sharesThatCannotBeKeptAreAFault(shares: String, message: String) {
        let found = faults(valid(and: "admission: {shares: \(shares)}"))
        #expect(found.count == 1 && found[0].contains(message), "\(found)")
    }

    // MARK: Clients without a key

    @Test func clientsWithoutAKeyHaveAPriority() throws {
        let anonymous = "{priority: bulk, priority_choices: [standard]}"
        let configuration = try read(valid(and: "authentication: {anonymous: \(anonymous)}")).get()
        #expect(configuration.authentication.anonymousPriority == PriorityRule(usual: .bulk, choices: [.standard]))
        let found = faults(valid(and: "authentication: {anonymous: {priority: low, priority_choices: [bulk, high]}}"))
        #expect(found.count == 2 && found.allSatisfy { $0.contains("of interactive, standard, bulk") }, "\(found)")
    }
}
