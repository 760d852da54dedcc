/// A strict parser of Prometheus text: it checks every rule of the format that this server could break.
struct Exposition: Sendable {
    struct Sample: Sendable {
        let name: String
        let labels: [String: String]
        let value: Double
    }

    private(set) var samples: [Sample] = []
    private(set) var types: [String: String] = [:]

    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw Unmet("the last line does not end") }
        var helped: Set<String> = []
        var family = ""
        var series: Set<String> = []
        for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            let words = line.split(separator: " ", maxSplits: 3).map(String.init)
            if line.hasPrefix("# HELP ") {
                guard words.count == 4, helped.insert(words[2]).inserted else { throw Unmet("help: \(line)") }
                family = words[2]
            } else if line.hasPrefix("# TYPE ") {
                guard words.count == 4, words[2] == family, types[family] == nil,
                    ["counter", "gauge", "histogram"].contains(words[3])
                else { throw Unmet("type: \(line)") }
                types[family] = words[3]
                guard (words[3] == "counter") == family.hasSuffix("_total") else { throw Unmet("name: \(line)") }
            } else {
                let sample = try Self.sample(line)
                let suffixes = types[family] == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
                guard suffixes.contains(where: { sample.name == family + $0 }) else {
                    throw Unmet("not of \(family): \(line)")
                }
                let key =
                    sample.name + sample.labels.sorted { $0.key < $1.key }.map { "\n\($0.key)=\($0.value)" }.joined()
                guard series.insert(key).inserted else { throw Unmet("twice: \(line)") }
                guard sample.value >= 0 else { throw Unmet("negative: \(line)") }
                samples.append(sample)
            }
        }
        guard Set(types.keys) == helped else {
            throw Unmet("families without a type: \(helped.subtracting(types.keys))")
        }
        for (name, type) in types where type == "histogram" { try checkHistogram(name) }
    }

    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && !text.first!.isNumber
            && text.unicodeScalars.allSatisfy { $0 == "_" || ("a"..."z").contains($0) || ("0"..."9").contains($0) }
    }

    private static func sample(_ line: String) throws -> Sample {
        let name = String(line.prefix { $0 != "{" && $0 != " " })
        guard isName(name) else { throw Unmet("name: \(line)") }
        var rest = line.dropFirst(name.count)
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest = rest.dropFirst()
            while rest.first != "}" {
                let label = String(rest.prefix { $0 != "=" })
                rest = rest.dropFirst(label.count + 1)
                guard isName(label), labels[label] == nil, rest.first == "\"" else { throw Unmet("label: \(line)") }
                rest = rest.dropFirst()
                var value = ""
                while let character = rest.first, character != "\"" {
                    rest = rest.dropFirst()
                    guard character == "\\" else {
                        value.append(character)
                        continue
                    }
                    guard let escaped = rest.popFirst(), let meant = ["\\": "\\", "\"": "\"", "n": "\n"][escaped] else {
                        throw Unmet("escape: \(line)")
                    }
                    value += meant
                }
                labels[label] = value
                guard rest.first == "\"" else { throw Unmet("value: \(line)") }
                rest = rest.dropFirst()
                if rest.first == "," {
                    rest = rest.dropFirst()
                } else if rest.first != "}" {
                    throw Unmet("comma: \(line)")
                }
            }
            rest = rest.dropFirst()
        }
        guard rest.first == " ", let value = Double(rest.dropFirst()) else { throw Unmet("number: \(line)") }
        return Sample(name: name, labels: labels, value: value)
    }

    private func checkHistogram(_ name: String) throws {
        var groups: [[String: String]: [(bound: Double, count: Double)]] = [:]
        for sample in samples where sample.name == name + "_bucket" {
            var labels = sample.labels
            guard let text = labels.removeValue(forKey: "le") else { throw Unmet("\(name): a bucket without le") }
            let bound = text == "+Inf" ? Double.infinity : Double(text) ?? -1
            groups[labels, default: []].append((bound, sample.value))
        }
        for (labels, buckets) in groups {
            for (one, next) in zip(buckets, buckets.dropFirst()) where one.bound >= next.bound || one.count > next.count
            {
                throw Unmet("\(name) \(labels): buckets out of order")
            }
            guard buckets.last?.bound == .infinity, buckets.last?.count == self[name + "_count", labels],
                samples.contains(where: { $0.name == name + "_sum" && $0.labels == labels })
            else { throw Unmet("\(name) \(labels): count or sum") }
        }
    }

    /// The value of one series; nil if it does not exist.
    subscript(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        samples.first { $0.name == name && $0.labels == labels }?.value
    }

    /// The sum of all series that have these labels, and possibly others.
    func sum(_ name: String, _ labels: [String: String] = [:]) -> Int {
        let matching = samples.filter { sample in
            sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
        }
        return Int(matching.reduce(0) { $0 + $1.value })
    }
}

extension Server {
    /// Sends a request to the admin listener.
    func admin(_ path: String, method: String = "GET") async throws -> RawAnswer {
        let connection = try await RawConnection(port: configuration.admin)
        defer { connection.close() }
        try await connection.send("\(method) \(path) HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        return try await connection.receiveAnswer()
    }

    /// The metrics with the current counters of all workers; repeats the request while a worker is too busy to answer
    /// in time.
    func metrics() async throws -> Exposition {
        try await eventually("the counters of all workers") {
            let metrics = try Exposition(try await admin("/metrics").body)
            return metrics["freeinference_workers_heard"] == metrics["freeinference_workers"] ? metrics : nil
        }
    }

    /// Waits until `length` requests for a model are in its queue.
    func queue(of model: String, reaches length: Int) async throws {
        try await eventually("\(length) in the queue of \(model)") {
            try await metrics()["freeinference_queue_length", ["model": model]] == Double(length) ? true : nil
        }
    }

    /// Waits until `length` requests of a priority are in the queue of a model.
    func queue(of model: String, priority: String, reaches length: Int) async throws {
        let labels = ["model": model, "priority": priority]
        try await eventually("\(length) \(priority) requests in the queue of \(model)") {
            try await metrics()["freeinference_queue_length_by_priority", labels] == Double(length) ? true : nil
        }
    }
}
