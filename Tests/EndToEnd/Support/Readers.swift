import Foundation
import Testing

/// A running `Clients/readers.py`, which the test drives step by step.
final class Readers: Sendable {
    private let child: ChildProcess
    private let scratch: Scratch

    private init(child: ChildProcess, scratch: Scratch) {
        self.child = child
        self.scratch = scratch
    }

    /// Starts a scenario of `Clients/readers.py`, runs `body`, and then stops the scenario.
    static func run(
        _ scenario: String,
        on server: Server,
        _ speaking: Speaking,
        secure: Bool? = nil,
        _ arguments: [String],
        _ body: (Readers) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let target = server.target(secure: secure ?? (speaking == .http2))
        let all =
            [Repository.clients + "/readers.py"] + target
            + ["--speaking", speaking.rawValue, "--steps", scratch.path] + arguments + [scenario]
        let readers = Readers(
            child: try await ChildProcess.start(Repository.python, all, in: scratch),
            scratch: scratch
        )
        do {
            try await body(readers)
            try await readers.child.stop(within: .zero)
        } catch {
            try await readers.child.stop(within: .zero)
            throw Unmet("\(error)\n\(readers.child.output.prefix(4000))\n\(readers.child.errors)")
        }
    }

    var lines: [JSON] { child.output.split(separator: "\n").compactMap { try? JSON(parsing: String($0)) } }

    /// Waits until the script reports that it has reached a step.
    @discardableResult
    func reaches(_ step: String, within limit: Duration = .seconds(60)) async throws -> JSON {
        try await line("the step \(step)", within: limit) { $0.reached.string == step }
    }

    /// Lets the script continue after a step.
    func pass(_ step: String) throws { try scratch.write("", to: step) }

    /// Waits for a line of the script's output for which `matches` is true, and returns its JSON.
    func line(
        _ what: String,
        within limit: Duration = .seconds(60),
        where matches: (JSON) -> Bool
    ) async throws -> JSON {
        try await eventually(what, within: limit, every: .milliseconds(20)) {
            if let found = lines.first(where: matches) { return found }
            if !child.isRunning, !lines.contains(where: matches) { throw Unmet("ended before \(what)") }
            return nil
        }
    }

    /// Waits until the script ends successfully.
    func finishes(within limit: Duration = .seconds(120)) async throws {
        guard try await child.ending(within: limit) == .exited(0) else { throw Unmet("readers.py") }
    }
}
