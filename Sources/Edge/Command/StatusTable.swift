// Renders the server's answer to `freeinference status` as a table for a terminal.
internal import Inference

/// The lines of a table that show the JSON of `StatusReport`.
package struct StatusTable {
    /// The lines of the table; they are cut to the width of the terminal, or to 80 columns if it is narrower.
    package private(set) var lines: [String] = []
    private let width: Int

    /// - Parameters:
    ///   - json: the server's answer; `init` returns nil if the bytes are not a `StatusReport`.
    ///   - width: the number of columns of the terminal; nil if there is no terminal, so that lines are not cut.
    package init?(json: [UInt8], width: Int? = nil) {
        guard let status = JSONValue(parsing: json), let version = status["version"]?.string,
            let models = status["models"]?.array
        else { return nil }
        self.width = width.map { max($0, 80) } ?? .max
        addProcess(status, version: version)
        addUpgrades(status)
        addMaintenance(status)
        lines.append("")
        addExecutors(models)
        addOrders(status)
        addCertificates(status)
        lines = lines.map { Self.cut($0, to: self.width) }
    }

    // MARK: Sections

    private mutating func addProcess(_ status: JSONValue, version: String) {
        func count(_ name: String) -> Int { status[name]?.integer ?? 0 }
        let (configuration, state) = (status["configuration"], status["state"]?.string ?? "")
        let uptime = Self.duration(count("uptime_seconds"))
        lines.append("freeinference \(version): \(state) for \(uptime), \(count("workers")) workers")
        let since = configuration?["since"]?.string ?? ""
        lines.append("configuration: generation \(configuration?["generation"]?.integer ?? 0), since \(since)")
        if let refused = configuration?["refused"] {
            lines.append("  the last reload was refused at \(refused["at"]?.string ?? ""):")
            for error in refused["errors"]?.array ?? [] { lines.append("    \(error.string ?? "")") }
        }
        lines.append(
            "\(count("connections")) of \(count("connections_max")) connections, \(count("exchanges")) exchanges, "
                + "\(count("memory_used_bytes") >> 20) of \(count("memory_limit_bytes") >> 20) MiB of memory"
        )
    }

    private mutating func addUpgrades(_ status: JSONValue) {
        if let failed = status["upgrade_failed"] {
            lines.append("the last upgrade has failed at \(failed["at"]?.string ?? ""):")
            for error in failed["errors"]?.array ?? [] { lines.append("  \(error.string ?? "")") }
        }
        for older in status["draining"]?.array ?? [] {
            func count(_ name: String) -> String { older[name]?.integer.map { "\($0)" } ?? "?" }
            lines.append(
                "draining: process \(count("process")) of version \(older["version"]?.string ?? ""), "
                    + "\(count("exchanges")) exchanges on \(count("connections")) connections, "
                    + "until \(older["until"]?.string ?? "?") at the latest"
            )
        }
    }

    private mutating func addMaintenance(_ status: JSONValue) {
        guard let maintenance = status["maintenance"] else { return }
        let text = maintenance["text"]?.string.map { ": \($0)" } ?? ""
        lines.append("MAINTENANCE since \(maintenance["since"]?.string ?? "")\(text)")
        lines.append("  requests for models get 503; a restart ends it")
    }

    private mutating func addExecutors(_ models: [JSONValue]) {
        var rows = [["MODEL", "EXECUTOR", "STATE", "RUNNING", "WEIGHT"]]
        let showsEngines = models.contains { $0["executors"]?.array?.contains { $0["engine"] != nil } == true }
        if showsEngines { rows[0].append("THE ENGINE SAYS") }
        var notes: [Int: [String]] = [:]
        for model in models {
            let id = model["id"]?.string ?? ""
            let executors = model["executors"]?.array ?? []
            if executors.isEmpty { rows.append([id, "-", "no executor", "", ""] + (showsEngines ? [""] : [])) }
            for (index, executor) in executors.enumerated() {
                rows.append([index == 0 ? id : ""] + Self.cells(executor))
                if showsEngines { rows[rows.count - 1].append(Self.words(executor["engine"])) }
                notes[rows.count - 1] = Self.notes(executor)
            }
            if let queued = model["queued"]?.integer, queued > 0 {
                notes[rows.count - 1, default: []].append("\(queued) requests wait for \(id)")
            }
        }
        for (index, line) in table(rows, flexible: [0, 1]).enumerated() {
            lines.append(line)
            for note in notes[index] ?? [] { lines.append("    \(note)") }
        }
    }

    private static func cells(_ executor: JSONValue) -> [String] {
        let isDrained = executor["drained"]?.bool == true
        let most = executor["max_running"]?.integer.map { "/\($0)" } ?? ""
        let state = executor["state"]?.string ?? ""
        return [
            executor["url"]?.string ?? "", isDrained ? "drained" : state,
            "\(executor["running"]?.integer ?? 0)\(most)", "\(executor["weight"]?.integer ?? 0)",
        ]
    }

    /// The load that an engine reports, as the text of a table cell, such as `3 running, 0 waiting, cache 45 %`.
    private static func words(_ engine: JSONValue?) -> String {
        var words: [String] = []
        if let running = engine?["running"]?.integer { words.append("\(running) running") }
        if let waiting = engine?["waiting"]?.integer { words.append("\(waiting) waiting") }
        switch (engine?["cache_used_percent"]?.integer, engine?["cache_tokens"]?.integer) {
        case (let use?, let tokens?): words.append("cache \(use) % of \(tokens) tokens")
        case (let use?, nil): words.append("cache \(use) %")
        case (nil, let tokens?): words.append("cache of \(tokens) tokens")
        case (nil, nil): break
        }
        return words.joined(separator: ", ")
    }

    private static func notes(_ executor: JSONValue) -> [String] {
        var notes: [String] = []
        if let why = executor["why"]?.string { notes.append("\(executor["state"]?.string ?? ""): \(why)") }
        if let most = executor["learnt_max_running"]?.integer {
            notes.append("takes \(most) at once, as its refusals have shown")
        }
        if let seconds = executor["paused_seconds"]?.integer {
            notes.append("has asked for a pause of \(seconds) s more")
        }
        if let flag = executor["missing_flag"]?.string { notes.append(CachedTokensReporter.text(flag)) }
        return notes
    }

    private mutating func addOrders(_ status: JSONValue) {
        guard let orders = status["orders"]?.array, !orders.isEmpty else { return }
        lines.append("")
        lines.append("ORDERS (a restart forgets them)")
        for order in orders {
            let model = order["model"]?.string.map { " for \($0)" } ?? ""
            var words: [String] = order["drained"]?.bool == true ? ["drained"] : []
            if let weight = order["weight"]?.integer { words.append("weight \(weight)") }
            lines.append("  \(order["url"]?.string ?? "")\(model): \(words.joined(separator: ", "))")
        }
    }

    private mutating func addCertificates(_ status: JSONValue) {
        guard let certificates = status["certificates"]?.array, !certificates.isEmpty else { return }
        lines.append("")
        var rows = [["CERTIFICATE", "LISTENER", "DAYS LEFT"]]
        for certificate in certificates {
            rows.append([
                certificate["name"]?.string ?? "", certificate["listener"]?.string ?? "",
                "\(certificate["days_left"]?.integer ?? 0)",
            ])
        }
        lines += table(rows, flexible: [0, 1])
    }

    // MARK: Text

    /// Pads the cells of the rows so that the columns are aligned.
    ///
    /// - Parameter flexible: the indices of the columns that may be cut if the table is wider than the terminal. The
    ///   widest of them is cut first.
    private func table(_ rows: [[String]], flexible: [Int]) -> [String] {
        var widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        let gaps = 2 * (widths.count - 1)
        let fixed = widths.indices.filter { !flexible.contains($0) }.reduce(gaps) { $0 + widths[$1] }
        while fixed + flexible.reduce(0, { $0 + widths[$1] }) > width {
            guard let widest = flexible.max(by: { widths[$0] < widths[$1] }), widths[widest] > 8 else { break }
            widths[widest] -= 1
        }
        return rows.map { row in
            let cells = row.indices.map { column -> String in
                let text = Self.cut(row[column], to: widths[column])
                return text + String(repeating: " ", count: widths[column] - text.count)
            }
            var line = cells.joined(separator: "  ")
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
    }

    private static func cut(_ text: String, to width: Int) -> String {
        text.count <= width ? text : text.prefix(max(0, width - 3)) + "..."
    }

    /// Formats a duration as `3 d 4 h`, `4 h 5 min`, `5 min` or `12 s`.
    private static func duration(_ seconds: Int) -> String {
        switch seconds {
        case ..<60: "\(seconds) s"
        case ..<3600: "\(seconds / 60) min"
        case ..<86_400: "\(seconds / 3600) h \(seconds / 60 % 60) min"
        default: "\(seconds / 86_400) d \(seconds / 3600 % 24) h"
        }
    }
}
