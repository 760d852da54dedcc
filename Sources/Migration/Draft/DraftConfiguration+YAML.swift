// Writes a draft of a configuration as YAML with comments.
internal import Configuration
internal import Transport

extension DraftConfiguration {
    /// The ports from which the port of the draft's listener is chosen, in order of preference.
    private static let listenerPorts: [UInt16] = [8080, 8088, 8888, 18_080, 28_080]
    /// The ports from which the port of the draft's admin listener is chosen, in order of preference.
    ///
    /// The first is the port that a server uses if its configuration does not name one.
    private static let adminPorts: [UInt16] = [9901, 9902, 9903, 19_901]

    /// Chooses unused ports for the listener and the admin listener; a port is 0 if every port in its list is used.
    static func ports(beside used: Set<UInt16>) -> (listener: UInt16, admin: UInt16) {
        let listener = listenerPorts.first { !used.contains($0) } ?? 0
        return (listener, adminPorts.first { !used.contains($0) && $0 != listener } ?? 0)
    }

    /// The configuration as YAML, which ends with a line end.
    ///
    /// - Parameter portsInUse: The ports of this machine on which other programs listen.
    func yaml(portsInUse: Set<UInt16> = []) -> String {
        let used = portsInUse.union(executorPorts)
        var lines = heading.map { "# \(YAMLText.comment($0))" }
        if !variables.isEmpty {
            lines += ["#", "# Environment variables that must be set before it is checked and served:"]
            lines += variables.map { "#   \($0.name): \(YAMLText.comment($0.purpose))" }
        }
        let (port, admin) = Self.ports(beside: used)
        lines += [
            "",
            "# Only programs of this machine reach this address. For others write 0.0.0.0:443 with `tls`, and make keys:",
            "# `freeinference keys create`.", "listeners:", "  - address: 127.0.0.1:\(port)",
            "#    tls:", "#      certificates:", "#        - chain: /etc/freeinference/tls/fullchain.pem",
            "#          key: /etc/freeinference/tls/privkey.pem", "",
            "# Keys that clients must have. Without this section everyone who reaches the listener may use every model.",
            "#authentication:", "#  keys: /var/lib/freeinference/keys.sqlite",
        ]
        if admin != Self.adminPorts[0] {
            lines += ["", "# An executor has the usual port, 9901.", "admin:", "  address: 127.0.0.1:\(admin)"]
        }
        if firstEvent != nil || response != nil {
            lines += ["", "timeouts:"]
            if let firstEvent { lines.append("  first_event: \(firstEvent)") }
            if let response { lines.append("  response: \(response)") }
        }
        lines += ["", "models:"]
        for model in models { lines += Self.lines(of: model) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The ports in the URLs of all executors, on this machine and on other machines.
    private var executorPorts: Set<UInt16> {
        var ports: Set<UInt16> = []
        for executor in models.flatMap(\.executors) {
            if case .success(let url) = ExecutorURL.parse(executor.url) { ports.insert(url.port) }
        }
        return ports
    }

    private static func lines(of model: DraftModel) -> [String] {
        var lines = model.comments.map { "  # \(YAMLText.comment($0))" }
        lines.append("  - id: \(YAMLText.scalar(model.id))")
        if !model.aliases.isEmpty { lines.append("    aliases: \(YAMLText.list(model.aliases.map(\.name)))") }
        if !model.fallbacks.isEmpty { lines.append("    fallbacks: \(YAMLText.list(model.fallbacks.map(\.name)))") }
        if model.firstEvent != nil || model.response != nil {
            lines.append("    timeouts:")
            if let firstEvent = model.firstEvent { lines.append("      first_event: \(firstEvent)") }
            if let response = model.response { lines.append("      response: \(response)") }
        }
        for field in model.catalog { lines.append("    \(field.key): \(field.yaml)") }
        lines.append("    executors:")
        for executor in model.executors { lines += Self.lines(of: executor, of: model.id) }
        return lines
    }

    private static func lines(of executor: DraftExecutor, of id: String) -> [String] {
        var lines = executor.comments.map { "      # \(YAMLText.comment($0))" }
        lines.append("      - url: \(YAMLText.scalar(executor.url))")
        // Without the key `model`, the engine gets requests under the id of the model.
        if let model = executor.model, !model.hasBytes(of: id) {
            lines.append("        model: \(YAMLText.scalar(model))")
        }
        if let kind = executor.kind { lines.append("        kind: \(kind.rawValue)") }
        if let weight = executor.weight { lines.append("        weight: \(weight)") }
        if let apiKey = executor.apiKey { lines.append("        api_key: \(YAMLText.scalar(apiKey))") }
        if let maxRunning = executor.maxRunning { lines.append("        max_running: \(maxRunning)") }
        return lines
    }
}
