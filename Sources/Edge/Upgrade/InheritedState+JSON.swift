// The JSON form of the state that a process hands to its successor in an upgrade. If a number is out of range, the
// successor reads it as missing, or replaces it by the nearest valid number.
internal import Inference
internal import Routing
internal import Transport

extension JSONWriter {
    /// Writes a JSON member whose value is an array; `write` writes the members of each entry's object.
    mutating func list<Entry>(
        _ name: StaticString,
        _ entries: some Sequence<Entry>,
        _ write: (inout JSONWriter, Entry) -> Void
    ) {
        key(name)
        beginArray()
        for entry in entries {
            beginObject()
            write(&self, entry)
            endObject()
        }
        endArray()
    }

    /// Writes a JSON member with a duration in nanoseconds; writes nothing if the duration is nil.
    fileprivate mutating func duration(_ name: StaticString, _ duration: Nanoseconds?) {
        if let duration { field(name, Int(min(duration, JSONValue.durationMax))) }
    }

    /// Writes a JSON member with a number; writes nothing for 0, which the reader assumes if the member is missing.
    fileprivate mutating func count(_ name: StaticString, _ number: Int) {
        if number != 0 { field(name, number) }
    }
}

extension JSONValue {
    /// The largest duration in nanoseconds, about 31 years; a larger one is reduced to it.
    fileprivate static let durationMax: Nanoseconds = 1_000_000_000_000_000_000

    /// The value of a JSON member as a duration in nanoseconds; nil if it is missing or not valid.
    fileprivate func duration(_ key: String) -> Nanoseconds? {
        guard let number = self[key]?.integer, number >= 0 else { return nil }
        return min(Nanoseconds(number), Self.durationMax)
    }

    /// The value of a JSON member as a count; 0 if it is missing or not a whole number.
    fileprivate func count(_ key: String) -> Int { self[key]?.integer ?? 0 }
}

// MARK: Health

extension InheritedState.Target {
    func write(to writer: inout JSONWriter) {
        writer.field("url", url)
        writer.count("ordinal", ordinal)
        if let model { writer.field("model", model) }
    }

    /// Reads which engine, or which model at an engine, an entry of the predecessor's state describes; nil if the URL
    /// is missing.
    init?(_ json: JSONValue) {
        guard let url = json["url"]?.string else { return nil }
        self.init(url: url, ordinal: json.count("ordinal"), model: json["model"]?.string)
    }
}

extension AvailabilityRecord {
    func write(to writer: inout JSONWriter) {
        writer.duration("ejected_for_ns", health.ejectedFor)
        switch health.cause {
        case .probes(let count):
            writer.field("cause", "probes")
            writer.field("cause_probes", count)
        case .faults(let scope): writer.field("cause", scope.name)
        }
        if health.isDead { writer.field("dead", true) }
        writer.duration("healthy_for_ns", health.healthyFor)
        writer.duration("succeeded_before_ns", health.succeededBefore)
        writer.count("faults", health.faults)
        writer.count("late_faults", health.lateFaults)
        writer.count("ejections", health.ejections)
        writer.count("probes_lost", health.probesLost)
        writer.count("probes_failed", health.probesFailed)
        writer.count("probes_passed", health.probesPassed)
        if let verdict = health.verdict { writer.field("verdict", verdict.name) }
        if let learnt = load.learntRunning {
            writer.field("learnt_running", learnt)
            writer.duration("learnt_for_ns", load.learntFor)
        }
        if load.pausedFor > 0 { writer.duration("paused_for_ns", load.pausedFor) }
    }

    init(_ json: JSONValue) {
        self.init()
        health.ejectedFor = json.duration("ejected_for_ns")
        let cause = json["cause"]?.string
        if cause == "probes" {
            health.cause = .probes(json.count("cause_probes"))
        } else if let scope = FaultScope.all.first(where: { $0.name == cause }) {
            health.cause = .faults(scope)
        }
        health.isDead = json["dead"]?.bool == true
        health.healthyFor = json.duration("healthy_for_ns")
        health.succeededBefore = json.duration("succeeded_before_ns")
        (health.faults, health.lateFaults) = (json.count("faults"), json.count("late_faults"))
        health.ejections = json.count("ejections")
        (health.probesLost, health.probesFailed) = (json.count("probes_lost"), json.count("probes_failed"))
        health.probesPassed = json.count("probes_passed")
        let verdict = json["verdict"]?.string
        health.verdict = ExecutorHealth.Probe.all.first { $0.name == verdict }
        if let learnt = json["learnt_running"]?.integer, learnt > 0 {
            load.learntRunning = learnt
            load.learntFor = json.duration("learnt_for_ns") ?? 0
        }
        load.pausedFor = json.duration("paused_for_ns") ?? 0
    }
}

extension FaultScope {
    fileprivate static let all: [FaultScope] = [.connection, .answer, .timeout, .connectTimeout]

    fileprivate var name: String {
        switch self {
        case .connection: "connection"
        case .answer: "answer"
        case .timeout: "timeout"
        case .connectTimeout: "connect_timeout"
        }
    }
}

extension ExecutorHealth.Probe {
    fileprivate static let all: [ExecutorHealth.Probe] = [.passed, .failed, .timedOut, .notReady]

    fileprivate var name: String {
        switch self {
        case .passed: "passed"
        case .failed: "failed"
        case .timedOut: "timed_out"
        case .notReady: "not_ready"
        }
    }
}

// MARK: Keys

extension KeyUseRecord {
    func write(to writer: inout JSONWriter) {
        writer.bucket("requests", requests)
        writer.bucket("tokens", tokens)
        writer.bucket("resets", resets.bucket)
        if resets.refusedFor > 0 { writer.duration("refused_for_ns", resets.refusedFor) }
    }

    init(_ json: JSONValue) {
        self.init(
            requests: TokenBucket.Record(json["requests"]),
            tokens: TokenBucket.Record(json["tokens"]),
            resets: ResetBucket.Record(
                bucket: TokenBucket.Record(json["resets"]),
                refusedFor: json.duration("refused_for_ns") ?? 0
            )
        )
    }
}

extension JSONWriter {
    fileprivate mutating func bucket(_ name: StaticString, _ record: TokenBucket.Record) {
        guard record != TokenBucket.Record() else { return }
        key(name)
        beginObject()
        field("spent", record.spent)
        duration("age_ns", record.age)
        endObject()
    }
}

extension TokenBucket.Record {
    /// Reads how much of one rate limit is used; nothing is used if the JSON is missing or not valid.
    fileprivate init(_ json: JSONValue?) {
        self.init()
        guard let json, let spent = json["spent"]?.double, spent.isFinite, spent > 0 else { return }
        (self.spent, age) = (spent, json.duration("age_ns") ?? 0)
    }
}

// MARK: The process

extension TicketKeys.Record {
    /// Reads the keys of TLS session tickets; nil if they are missing or not valid.
    init?(_ json: JSONValue?) {
        guard let json, let texts = json["keys"]?.array, texts.count <= 16 else { return nil }
        let keys = texts.compactMap { $0.string.flatMap { Hexadecimal.bytes($0) } }
        guard keys.count == texts.count, let age = json["age_seconds"]?.integer else { return nil }
        self.init(keys: keys, age: Int64(age))
    }
}

extension Maintenance {
    /// Reads the maintenance mode that the operator has switched on; nil if it is off.
    ///
    /// A text or a number that is not valid is replaced by its default.
    init?(_ json: JSONValue?) {
        guard let json, case .object = json else { return nil }
        let text = json["text"]?.string
        let seconds = json["retry_after"]?.integer
        self.init(
            text: text.flatMap { $0.count <= Self.textMax ? $0 : nil },
            retryAfter: seconds.flatMap { (1...Self.retryAfterMax).contains($0) ? $0 : nil } ?? Self.retryAfterDefault,
            since: json["since"]?.integer ?? 0
        )
    }
}
