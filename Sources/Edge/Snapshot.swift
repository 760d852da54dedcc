// What a configuration comes to: resolved, immutable, shared by all workers. An exchange keeps the one it began with.
package import HTTP
package import Inference
package import Routing
package import Transport

/// Deadlines and limits in the units of the data path.
package struct ExchangeLimits: Sendable {
    package var body: Nanoseconds
    package var firstEvent: Nanoseconds
    package var response: Nanoseconds
    package var stall: Nanoseconds
    package var clientStall: Nanoseconds
    package var commitAfter: Nanoseconds
    package var keepAlive: Nanoseconds
    package var bodyBytesMax: Int
    package var bufferMax: Int

    init(_ configuration: Configuration) {
        func nanoseconds(_ duration: Duration) -> Nanoseconds { Nanoseconds(duration.inNanoseconds) }
        let timeouts = configuration.timeouts
        body = nanoseconds(timeouts.body)
        firstEvent = nanoseconds(timeouts.firstEvent)
        response = nanoseconds(timeouts.response)
        stall = nanoseconds(timeouts.stall)
        clientStall = nanoseconds(timeouts.clientStall)
        commitAfter = nanoseconds(configuration.commitAfter)
        keepAlive = nanoseconds(configuration.keepAlive)
        bodyBytesMax = configuration.limits.bodyBytes
        bufferMax = configuration.limits.exchangeBufferBytes
    }
}

/// How to reach one executor.
///
/// `Executor` counts for it, this connects to it.
package final class ExecutorTarget: Sendable {
    package let executor: Executor
    package let client: ExecutorClientSettings
    /// The `host` field of requests.
    package let host: [UInt8]
    package let pathPrefix: [UInt8]
    package let credential: ExecutorCredential?
    package let asksForUsage: Bool
    /// Nil: it is not asked whether it lives.
    let probe: HealthProbe?

    init(_ settings: ExecutorSettings, executor: Executor, client: ExecutorClientSettings) {
        self.executor = executor
        self.client = client
        host = Array(settings.url.authority.utf8)
        pathPrefix = Array(settings.url.pathPrefix.utf8)
        credential = settings.apiKey.map { ExecutorCredential(key: $0, kind: settings.kind) }
        asksForUsage = settings.includeUsage
        probe = HealthProbe(settings)
    }
}

/// A class, since each exchange holds it, and its target: to copy either would be to count a dozen references.
package final class Snapshot: Sendable {
    package let limits: ExchangeLimits
    package let catalog: ModelCatalog
    /// By the place of the model in the catalog.
    package let pools: [ExecutorPool]
    /// The places of the models to fall back on, in order; by the place of the model.
    package let fallbacks: [[Int]]
    /// By `Executor.index`.
    package let targets: [ExecutorTarget]
    package let accessLog: Bool
    package let admission: AdmissionLimits
    /// Nil where no browser's origin may call.
    package let crossOrigin: CrossOriginPolicy?

    /// One for each host and port, and for each unix socket, however many executors are there.
    package let addresses: [AddressBook]

    /// Books of names are empty until somebody resolves them.
    package init(_ configuration: Configuration) {
        limits = ExchangeLimits(configuration)
        accessLog = configuration.log.access
        admission = AdmissionLimits(
            waitMax: Nanoseconds(configuration.admission.maxWait.inNanoseconds),
            queueMax: configuration.admission.maxQueue
        )
        var pools: [ExecutorPool] = []
        var targets: [ExecutorTarget] = []
        var books: [String: AddressBook] = [:]
        let created = Clock.wallTime().seconds
        for model in configuration.models {
            var members: [Executor] = []
            for settings in model.executors {
                let name = settings.model ?? model.id
                let executor = Executor(
                    index: targets.count,
                    name: "\(settings.url)",
                    model: name,
                    weight: settings.weight,
                    runningMax: settings.maxRunning
                )
                let book = books[settings.url.place] ?? Self.book(for: settings.url)
                books[settings.url.place] = book
                var client = ExecutorClientSettings(
                    addresses: book,
                    connectTimeout: Nanoseconds(configuration.timeouts.connect.inNanoseconds),
                    idleTimeout: Nanoseconds(settings.idleTimeout.inNanoseconds)
                )
                client.version = ExecutorClientSettings.Version(settings.wireProtocol)
                if settings.url.scheme == .https {
                    client.tls = .init(serverName: settings.url.host, caFile: settings.certificateAuthorityPath)
                }
                targets.append(ExecutorTarget(settings, executor: executor, client: client))
                members.append(executor)
            }
            // The pools of many processes are not to choose alike.
            let seed = UInt64.random(in: .min ... .max)
            pools.append(ExecutorPool(executors: members, balance: Balance(model.balance), seed: seed))
        }
        self.pools = pools
        let ids = configuration.models.map(\.id)
        fallbacks = configuration.models.map { $0.fallbacks.compactMap { ids.firstIndex(of: $0) } }
        self.targets = targets
        addresses = books.sorted { $0.key < $1.key }.map(\.value)
        catalog = ModelCatalog(configuration.models.map { Model($0, startedAt: created) })
        crossOrigin = CrossOriginPolicy(origins: configuration.cors.origins)
    }

    private static func book(for url: ExecutorURL) -> AddressBook {
        guard url.scheme == .unix else { return AddressBook(host: url.host, port: url.port) }
        guard let address = SocketAddress(unixPath: url.socketPath) else {
            preconditionFailure("the configuration took a path that no address can hold")
        }
        return AddressBook(address)
    }
}

extension Model {
    /// Of when it was made, unless its entry says so, no more is known than that it is there.
    fileprivate init(_ settings: ModelSettings, startedAt seconds: Int) {
        var created = seconds
        if case .number(let text)? = settings.catalog.first(where: { $0.name == "created" })?.value {
            created = Int(text) ?? seconds
        }
        self.init(
            id: settings.id,
            aliases: settings.aliases,
            created: created,
            createdAt: Timestamp.rfc3339(seconds: created),
            fields: settings.catalog
        )
    }
}

extension ExecutorURL {
    /// Where it connects to, as text.
    fileprivate var place: String { scheme == .unix ? "unix:\(socketPath)" : "\(host) \(port)" }
}

extension ExecutorClientSettings.Version {
    init(_ setting: ExecutorSettings.WireProtocol) {
        self =
            switch setting {
            case .auto: .auto
            case .http1: .http1
            case .h2: .http2
            }
    }
}

extension Balance {
    init(_ setting: ModelSettings.Balance) {
        self =
            switch setting {
            case .leastLoad: .leastLoad
            case .roundRobin: .roundRobin
            case .weighted: .weighted
            }
    }
}
