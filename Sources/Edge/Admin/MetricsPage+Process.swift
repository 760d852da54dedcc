// The part of `/metrics` about the process: connections, certificates, health probes, and values from the operating
// system.
internal import HTTP
internal import Routing
internal import Transport

extension MetricsPage {
    /// Writes the state of the process: connections, memory, workers, lost log lines, configuration, maintenance,
    /// version.
    mutating func writeProcess() {
        let process = server.process
        gauge("freeinference_connections", "Connections of clients.", process.connectionCount)
        gauge("freeinference_addresses", "Addresses and networks in the table of limits.", process.addresses.count)
        text.family(
            "freeinference_addresses_uncounted_total",
            .counter,
            "Connections and requests that no limit per address counted, since the table was full."
        )
        text.sample([], process.addresses.uncountedClaims)
        let most = process.room(server.snapshot).most
        gauge("freeinference_connections_max", "Connections that may be open at once.", most)
        gauge("freeinference_memory_used_bytes", "Charged against memory_limit.", process.budget.used)
        gauge("freeinference_memory_limit_bytes", "The budget above all buffers and bodies.", process.budget.limit)
        writeBodies()
        gauge("freeinference_workers", "Worker threads that serve.", server.workers)
        let silent = server.watch?.silent.count ?? 0
        gauge("freeinference_workers_silent", "Workers whose event loop does not turn.", silent)
        gauge("freeinference_workers_heard", "Workers whose counters are of this moment.", server.collector.heard)
        text.family(
            "freeinference_log_lines_dropped_total",
            .counter,
            "Log lines that were not written: nobody read stdout, or it or the log file took no more."
        )
        text.sample([], process.log.dropped)
        writeConfiguration()
        writeUpgrades()
        gauge(
            "freeinference_maintenance",
            "1 while requests for models are refused, since the operator has declared maintenance.",
            process.maintenance.current == nil ? 0 : 1
        )
        text.family(
            "freeinference_admin_connections_refused_total",
            .counter,
            "Connections to the admin listener from addresses that admin.allow does not name."
        )
        text.sample([], server.refusedConnections)
        text.family("freeinference_build_info", .gauge, "1, with the version.")
        text.sample([("version", Build.version)], 1)
        writeSystem()
    }

    /// Writes how many request bodies wait for memory now, had to wait, and were refused for lack of memory.
    private mutating func writeBodies() {
        let (count, waits, refusedAfterWait, refusedAsSlow) = server.process.bodyQueue.withLock {
            ($0.count, $0.waits, $0.refusedAfterWait, $0.refusedAsSlow)
        }
        gauge("freeinference_bodies_waiting", "Request bodies that wait for memory.", count)
        text.family("freeinference_body_waits_total", .counter, "How often a request body found no memory.")
        text.sample([], waits)
        text.family(
            "freeinference_bodies_refused_total",
            .counter,
            "Request bodies that had begun and were refused for want of memory, by why it was them."
        )
        text.sample([("cause", "waited")], refusedAfterWait)
        text.sample([("cause", "slow")], refusedAsSlow)
    }

    /// Writes whether the last upgrade has failed, how many older processes still run, and how many requests they still
    /// serve.
    private mutating func writeUpgrades() {
        let older = server.upgrader?.predecessors.reports ?? []
        gauge(
            "freeinference_process_number",
            "The number of this process in the chain of upgrades, from 1.",
            server.processNumber
        )
        gauge(
            "freeinference_upgrade_failed",
            "1 while the last upgrade that was asked of this process has failed or was refused.",
            server.upgrader?.lastFailure == nil ? 0 : 1
        )
        gauge("freeinference_draining_processes", "Older processes that drain after upgrades.", older.count)
        let exchanges = older.reduce(0) { $0 + ($1.report?.exchanges ?? 0) }
        gauge("freeinference_draining_exchanges", "Exchanges under way in older processes.", exchanges)
    }

    /// Writes which configuration is in force, and how many reloads have ended with each result.
    private mutating func writeConfiguration() {
        let running = server.running
        gauge(
            "freeinference_configuration_generation",
            "The number of the configuration in force, from 1.",
            running.snapshot.generation
        )
        gauge(
            "freeinference_configuration_since_timestamp_seconds",
            "Since when this configuration has been in force, since 1970.",
            running.since
        )
        gauge(
            "freeinference_configuration_reload_refused",
            "1 while the last reload was refused, so that the file differs from what is in force.",
            running.refusal == nil ? 0 : 1
        )
        counter(
            "freeinference_configuration_reloads_total",
            "Reloads, by their result.",
            by: "result"
        ) { (outcome: ReloadReport.Outcome) in running.reloads[outcome] ?? 0 }
    }

    /// Writes values from the operating system, with the metric names that Prometheus' own client libraries use.
    private mutating func writeSystem() {
        let figures = ProcessFigures()
        text.family("process_cpu_seconds_total", .counter, "Time on processors, of all threads.")
        text.sample([], seconds: figures.processorTime)
        gauge("process_resident_memory_bytes", "Memory that is in use and not swapped out.", figures.residentBytes)
        gauge("process_virtual_memory_bytes", "Addresses that are mapped.", figures.virtualBytes)
        if let started = figures.started {
            gauge("process_start_time_seconds", "When the process started, since 1970.", started)
        }
        gauge("process_threads", "Threads.", figures.threads)
        gauge("process_open_fds", "Descriptors that are open.", figures.openDescriptors)
        gauge("process_max_fds", "Descriptors that may be open at once.", figures.descriptorsMax)
    }

    /// Writes the counters of client connections, and the time at which each certificate expires.
    mutating func writeConnections() {
        let counters = counters
        text.family("freeinference_connections_accepted_total", .counter, "Connections of clients that were accepted.")
        text.sample([], counters.accepted)
        counter(
            "freeinference_accept_pauses_total",
            "How often accepting paused, and for want of what.",
            by: "cause"
        ) { (pause: AcceptPause) in counters.acceptPauses[pause.index] }
        counter(
            "freeinference_handshake_failures_total",
            "TLS handshakes of clients that failed.",
            by: "cause"
        ) { (failure: HandshakeFailure) in counters.handshakeFailures[failure.index] }
        text.family(
            "freeinference_handshakes_held_total",
            .counter,
            "TLS handshakes of clients that had to wait, because streams were under way."
        )
        text.sample([], counters.handshakesHeld)
        gauge(
            "freeinference_handshakes_waiting",
            "TLS handshakes of clients that wait for their turn.",
            counters.handshakesWaiting
        )
        counter(
            "freeinference_other_protocol_connections_total",
            "Connections of clients that spoke something else than their listener.",
            by: "protocol"
        ) { (what: OtherProtocol) in counters.otherProtocols[what] ?? 0 }
        writeClients()
        counter(
            "freeinference_per_address_refusals_total",
            "Connections and requests that a limit per address refused.",
            by: "limit"
        ) { (limit: AddressLimit) in counters.addressRefusals[limit.index] }
        guard !server.certificates.isEmpty else { return }
        text.family(
            "freeinference_certificate_expiry_timestamp_seconds",
            .gauge,
            "When the first certificate of a chain expires, since 1970."
        )
        for certificate in server.certificates {
            let labels = [
                ("listener", certificate.listener), ("name", certificate.name), ("chain", certificate.chain),
            ]
            text.sample(labels, certificate.expires)
        }
    }

    /// Writes how many connections and requests each access rule has refused, and how many requests took the client's
    /// address from each source, such as the socket or a header field.
    ///
    /// No label contains an address.
    private mutating func writeClients() {
        let counters = counters
        counter(
            "freeinference_clients_refused_total",
            "Connections and requests refused because of an address, or of a PROXY header, by the rule.",
            by: "reason"
        ) { (why: ClientRefusal) in counters.clientsRefused[why] ?? 0 }
        counter(
            "freeinference_requests_by_client_source_total",
            "Requests, by where the address of their client came from.",
            by: "source"
        ) { (source: ClientAddressSource) in counters.clientSources[source.index] }
        text.family(
            "freeinference_prefill_resets_total",
            .counter,
            "Requests that clients gave up after an executor had got them and before their answers began."
        )
        text.sample([], counters.prefillResets)
    }

    /// Writes how many health probes have had each result.
    mutating func writeProbes() {
        guard let results = server.prober?.results, !results.isEmpty else { return }
        text.family("freeinference_probes_total", .counter, "Answers to the question whether an engine lives.")
        var unique = UniqueLabels()
        for (engine, counts) in results {
            let label = unique.label(engine)
            for (result, probe) in Self.probes {
                text.sample([("executor", label), ("result", result)], counts[probe] ?? 0)
            }
        }
    }

    private static let probes: [(String, ExecutorHealth.Probe)] = [
        ("passed", .passed), ("failed", .failed), ("timed_out", .timedOut), ("not_ready", .notReady),
    ]

    /// Writes a counter with one sample for each case of an enumeration; the raw value of the case is the label.
    private mutating func counter<Case: CaseIterable & RawRepresentable<String>, Count: BinaryInteger>(
        _ name: String,
        _ help: String,
        by label: String,
        _ count: (Case) -> Count
    ) {
        text.family(name, .counter, help)
        for one in Case.allCases { text.sample([(label, one.rawValue)], count(one)) }
    }

    private mutating func gauge(_ name: String, _ help: String, _ value: Int) {
        text.family(name, .gauge, help)
        text.sample([], value)
    }
}
