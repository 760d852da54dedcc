// Commands that drain or resume an executor or change its weight: how the executor is found, and what is answered.
internal import Configuration
internal import Inference
internal import Routing
internal import Transport

/// One command that drains or resumes an executor or changes its weight, as the operator gave it.
package struct OrderCommand: Equatable, Sendable {
    /// The weights that an operator may set; the configuration allows the same range.
    static let weights = 0...1_000_000

    /// Whether to drain the executor, to resume it, or to change its weight.
    package var action: OrderAction
    /// The URL of the engine, or only the beginning of the URL, as the operator wrote it.
    package var url: String
    /// The model's id or alias in the configuration, or its name at the engine; nil for all models of the engine.
    package var model: String?
    /// Whether the answer to a drain waits until the last attempt at the executor has ended.
    package var waits: Bool

    package init(_ action: OrderAction, url: String, model: String? = nil, waits: Bool = false) {
        self.action = action
        self.url = url
        self.model = model
        self.waits = waits
    }

    init(_ action: OrderAction, _ query: CommandRequest.Query) throws(CommandRequest.Problem) {
        guard let url = try query.text("url"), !url.isEmpty else { throw .argument("no URL is given") }
        let model = try query.text("model")
        // The text is written to the operator's log, where a line feed in it would begin a forged line.
        for text in [url, model ?? ""] {
            guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                throw .argument("a URL or a model has control characters")
            }
        }
        self.init(action, url: url, model: model, waits: query.number("wait") == 1)
    }

    /// The path and query of the HTTP request for this command.
    var target: String {
        let (name, value): (String, Int?) =
            switch action {
            case .drain: ("drain", nil)
            case .resume: ("resume", nil)
            case .weight(let weight): ("weight", weight)
            }
        return "/executors/\(name)"
            + CommandRequest.Query.written([
                ("url", CommandRequest.Query.hexadecimal(url)),
                ("model", model.map(CommandRequest.Query.hexadecimal)), ("value", value.map { "\($0)" }),
                ("wait", waits ? "1" : nil),
            ])
    }

    // MARK: Finding the executor

    /// Finds the URL that the operator means; the URLs in `known` are normalized.
    ///
    /// The operator may write a URL in any form that the configuration allows. The beginning of a URL is enough, with
    /// or without the scheme, if only one known URL begins so. The beginning must not end inside a name or a number:
    /// `gpu-1` does not mean `gpu-10`.
    ///
    /// A host name may stand for several engines, one at each of its addresses. The URL with the host name, or the
    /// beginning of that URL, then means all of these engines.
    static func url(_ given: String, among known: [String]) throws(CommandRequest.Problem) -> String {
        if case .success(let url) = ExecutorURL.parse(given), known.contains("\(url)") { return "\(url)" }
        var matches = known.filter { begins($0, with: given) || begins(withoutScheme($0), with: given) }
        let configured = matches.filter { ExecutorOrders.configuredURL(ofName: $0) == $0 }
        if configured.count == 1, matches.allSatisfy({ ExecutorOrders.covers(configured[0], name: $0) }) {
            matches = configured
        }
        let list = known.map { "  \($0)" }.joined(separator: "\n")
        switch matches.count {
        case 1: return matches[0]
        case 0: throw .argument("no executor has the URL \(quoted(given)). There are:\n\(list)")
        default:
            let several = matches.map { "  \($0)" }.joined(separator: "\n")
            throw .argument("several executors have a URL that begins with \(quoted(given)):\n\(several)")
        }
    }

    private static func withoutScheme(_ url: String) -> String {
        guard let colon = url.firstIndex(of: ":") else { return url }
        return String(url[url.index(after: colon)...].drop { $0 == "/" })
    }

    private static func begins(_ url: String, with given: String) -> Bool {
        guard !given.isEmpty, url.hasPrefix(given) else { return false }
        guard let next = url.dropFirst(given.count).first, let last = given.last else { return true }
        // What the operator gave must not end inside a name or a number of the URL, as `gpu-1` does in `gpu-10`.
        return !(next.isLetter || next.isNumber) || !(last.isLetter || last.isNumber)
    }

    private static func quoted(_ text: String) -> String { "'\(LogText.bounded(text))'" }
}

/// Carries out commands that drain or resume executors or change their weights; confined to the control thread.
struct ExecutorOrderer {
    let running: RunningConfiguration

    /// The result of a command that was carried out.
    struct Outcome {
        var report: CommandReport
        /// The executors that were drained; nil if the command is not a drain.
        ///
        /// If the operator asked to wait, the answer is sent when the last attempt at these executors has ended.
        var watch: AttemptWatch.Watched?
    }

    /// Drains or resumes executors or changes their weights, as the operator's command says.
    ///
    /// - Throws: an error if the URL or the model is unknown, or if the URL is ambiguous. The error lists the possible
    ///   values.
    func carryOut(_ command: OrderCommand, at now: Nanoseconds) throws(CommandRequest.Problem) -> Outcome {
        let snapshot = running.snapshot
        let ordered = running.registry.orders.all.map(\.target.url)
        var known: [String] = []
        let names = snapshot.engines.map(\.engine.name)
        for name in names.map(ExecutorOrders.configuredURL) + names + ordered where !known.contains(name) {
            known.append(name)
        }
        let url = try OrderCommand.url(command.url, among: known)
        let targets = try targets(command, url)
        for target in targets { running.registry.give(command.action, to: target, at: now) }
        let executors = running.registry.executors.filter { executor in
            ExecutorOrders.covers(url, name: executor.name)
                && targets.contains { $0.model == nil || $0.model?.text == executor.model }
        }
        let watched = AttemptWatch.Watched(executors: executors, isWholeEngine: command.model == nil)
        let lines = [what(command, url, watched)] + emptyModels(executors)
        let note = "orders end with the process: a restart forgets them"
        return Outcome(
            report: CommandReport(isDone: true, lines: lines + (command.action == .resume ? [] : [note])),
            watch: command.action == .drain ? watched : nil
        )
    }

    private func targets(
        _ command: OrderCommand,
        _ url: String
    ) throws(CommandRequest.Problem) -> [ExecutorOrders.Target] {
        guard let model = command.model else { return [ExecutorOrders.Target(url: url)] }
        let snapshot = running.snapshot
        var names: [String] = []
        if let index = snapshot.catalog.index(of: model) {
            names = snapshot.models[index].pool.members.map(\.executor)
                .filter { ExecutorOrders.covers(url, name: $0.name) }.map(\.model)
        }
        let atURL = running.registry.executors.filter { ExecutorOrders.covers(url, name: $0.name) }.map(\.model)
        let ordered = running.registry.orders.all.filter { $0.target.url == url }.compactMap(\.target.model?.text)
        if names.isEmpty {
            names = (atURL + ordered).filter { ExactText($0) == ExactText(model) }.prefix(1).map(\.self)
        }
        guard !names.isEmpty else {
            let list = atURL.map { "  \($0)" }.joined(separator: "\n")
            throw .argument("\(url) does not serve the model '\(LogText.bounded(model))'. It serves:\n\(list)")
        }
        return names.map { ExecutorOrders.Target(url: url, model: $0) }
    }

    /// The first line of the answer, which says what the command has changed.
    private func what(_ command: OrderCommand, _ url: String, _ watched: AttemptWatch.Watched) -> String {
        let name = command.model.map { "\($0) at \(url)" } ?? url
        let isDrained = watched.executors.contains(where: \.isDrained)
        switch command.action {
        case .drain: return "\(name) is drained, with \(watched.running) attempts under way"
        case .resume:
            return isDrained
                ? "\(name) has no order of its own any more, but is drained by another: `freeinference status` has it"
                : "\(name) is as configured; after a drain its share of requests grows for 10 s"
        case .weight(let weight):
            let order = "\(name) has the weight \(weight) until it is resumed"
            return isDrained ? order + ", but it is drained" : order
        }
    }

    /// One line of the answer for each model that has one of these executors, and that has no executor with a weight
    /// above 0 any more.
    private func emptyModels(_ executors: [Executor]) -> [String] {
        running.snapshot.models
            .filter { model in
                let members = model.pool.members
                return members.contains { member in executors.contains { $0 === member.executor } }
                    && !members.contains { $0.presentWeight > 0 }
            }
            .map { "the model \($0.entry.name) has no executor left: its requests get 503, or go to its fallbacks" }
    }
}
