import Foundation
import Inference
import Testing

@testable import Edge

/// The retry policy matches the tables in docs/life-of-an-exchange.md.
///
/// Each combination of conditions is in exactly one row, which has the policy's outcome.
@Suite struct RetryPolicyTests {
    private static let both = [true, false]

    // MARK: May there be another attempt?

    private static let causes: [(name: String, cause: RetryPolicy.Cause)] = [
        ("arrival", .arrival), ("wait over", .waitOver), ("gave way", .gaveWay), ("failure, never", .failure(.never)),
        ("failure, elsewhere", .failure(.elsewhere)), ("failure, within budget", .failure(.withinBudget)),
        ("failure, once", .failure(.once)), ("failure, other kind", .failure(.otherKind)),
    ]

    @Test func whetherThereMayBeAnotherAttempt() throws {
        let table = try DocumentedTable("| because | attempts left | budget has room |")
        for (name, cause) in Self.causes {
            for attempts in Self.both {
                for budget in Self.both {
                    for wait in Self.both {
                        let situation = RetryPolicy.Situation(
                            cause,
                            attemptsAreLeft: attempts,
                            budgetHasRoom: budget,
                            waitIsLeft: wait,
                            pools: 1
                        )
                        let outcome =
                            switch RetryPolicy.next(situation) {
                            case .ask: "ask the pools"
                            case .waitForBudget: "wait for the budget"
                            case .report: "tell"
                            }
                        #expect(try table.outcome(name, attempts.word, budget.word, wait.word) == outcome)
                    }
                }
            }
        }
    }

    // MARK: Which pool?

    private enum Pool: String, CaseIterable { case free, full, refuses, none }

    /// What happens to a new request if the model's pool and the fallback's pool are in these states.
    ///
    /// The loop asks one pool after the other, as the policy says.
    private func outcome(_ pools: [Pool], waitIsLeft: Bool) -> String {
        let names = ["the model", "the fallback"]
        var situation = RetryPolicy.Situation(.arrival, waitIsLeft: waitIsLeft, pools: pools.count)
        while case .ask(let pool, let mayWait) = RetryPolicy.next(situation) {
            switch pools[pool] {
            case .free: return "attempt at \(names[pool])"
            case .full where mayWait: return "wait for \(names[pool])"
            case .full, .refuses, .none: situation.asked = pool + 1
            }
        }
        return "tell"
    }

    @Test func whichPoolIsAskedAndWaitedFor() throws {
        let table = try DocumentedTable("| wait left | the model's pool | the fallback's pool |")
        for wait in Self.both {
            for own in Pool.allCases {
                for fallback in Pool.allCases {
                    let documented = try table.outcome(wait.word, own.rawValue, fallback.rawValue)
                    #expect(documented == outcome([own, fallback], waitIsLeft: wait), "\(wait) \(own) \(fallback)")
                    guard fallback == .none else { continue }
                    #expect(documented == outcome([own], waitIsLeft: wait), "\(wait) \(own), no fallback")
                }
            }
        }
    }

    @Test func afterAWaitInVainNobodyIsWaitedFor() {
        let situation = RetryPolicy.Situation(.waitOver, waitIsLeft: true, pools: 2, asked: 1)
        #expect(RetryPolicy.next(situation) == .ask(pool: 1, mayWait: false))
    }

    // MARK: Which failure is reported?

    @Test func whichFailureIsReported() throws {
        let table = try DocumentedTable("| because | a pool was full |")
        let causes: [(String, RetryPolicy.Cause)] = [
            ("arrival", .arrival), ("wait over", .waitOver), ("gave way", .gaveWay), ("failure", .failure(.elsewhere)),
        ]
        for (name, cause) in causes {
            for full in Self.both {
                for busy in Self.both {
                    for wait in Self.both {
                        let report = RetryPolicy.report(cause, wasFull: full, saysBusy: busy, waitIsLeft: wait)
                        let outcome =
                            switch report {
                            case .failure: "the failure"
                            case .queueFull: Failure.Kind.queueFull.label
                            case .queueTimeout: Failure.Kind.queueTimeout.label
                            case .noExecutor: Failure.Kind.noExecutor.label
                            }
                        #expect(try table.outcome(name, full.word, busy.word, wait.word) == outcome)
                    }
                }
            }
        }
    }
}

extension Bool {
    fileprivate var word: String { self ? "yes" : "no" }
}

/// A table of docs/life-of-an-exchange.md.
///
/// The last column is the outcome if the other columns have these values; `any` stands for every value.
struct DocumentedTable {
    struct Problem: Error { var text: String }

    private(set) var rows: [[String]] = []

    /// - Parameter head: The beginning of the table's first line.
    init(_ head: String, file: String = #filePath) throws {
        let root = file.components(separatedBy: "/Tests/")[0]
        let text = try String(contentsOfFile: root + "/docs/life-of-an-exchange.md", encoding: .utf8)
        let lines = text.components(separatedBy: "\n")
        guard let first = lines.firstIndex(where: { $0.hasPrefix(head) }) else {
            throw Problem(text: "there is no table \(head)")
        }
        for line in lines[(first + 2)...] {
            guard line.hasPrefix("|") else { break }
            let cells = line.dropFirst().dropLast().components(separatedBy: "|")
            rows.append(cells.map { $0.trimmingCharacters(in: .whitespaces) })
        }
    }

    /// The outcome in the one row that matches these values.
    func outcome(_ values: String...) throws -> String {
        let fitting = rows.filter { row in
            row.count == values.count + 1 && zip(row, values).allSatisfy { $0 == "any" || $0 == $1 }
        }
        guard fitting.count == 1 else { throw Problem(text: "\(values) stands in \(fitting.count) rows") }
        return fitting[0].last ?? ""
    }
}
