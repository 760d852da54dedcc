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
package struct ExecutorTarget: Sendable {
    package var executor: Executor
    package var client: ExecutorClientSettings
    /// The `host` field of requests.
    package var host: [UInt8]
    package var pathPrefix: [UInt8]
    package var apiKey: String?
    package var asksForUsage: Bool
}

package struct Snapshot: Sendable {
    package let limits: ExchangeLimits
    package let catalog: ModelCatalog
    /// By the place of the model in the catalog.
    package let pools: [ExecutorPool]
    /// By `Executor.index`.
    package let targets: [ExecutorTarget]
    package let accessLog: Bool

    /// One for each host and port, and for each unix socket, however many executors are there.
    package let addresses: [AddressBook]

    /// Books of names are empty until somebody resolves them.
    package init(_ configuration: Configuration) {
        limits = ExchangeLimits(configuration)
        accessLog = configuration.log.access
        var pools: [ExecutorPool] = []
        var targets: [ExecutorTarget] = []
        var books: [String: AddressBook] = [:]
        let created = Clock.wallTime().seconds
        for model in configuration.models {
            var members: [Executor] = []
            for settings in model.executors {
                let name = settings.model ?? model.id
                let executor = Executor(index: targets.count, name: "\(settings.url)", model: name)
                let book = books[settings.url.place] ?? Self.book(for: settings.url)
                books[settings.url.place] = book
                let client = ExecutorClientSettings(
                    addresses: book,
                    connectTimeout: Nanoseconds(configuration.timeouts.connect.inNanoseconds),
                    idleTimeout: Nanoseconds(settings.idleTimeout.inNanoseconds)
                )
                targets.append(
                    ExecutorTarget(
                        executor: executor,
                        client: client,
                        host: Array(settings.url.authority.utf8),
                        pathPrefix: Array(settings.url.pathPrefix.utf8),
                        apiKey: settings.apiKey,
                        asksForUsage: settings.includeUsage
                    )
                )
                members.append(executor)
            }
            pools.append(ExecutorPool(executors: members))
        }
        self.pools = pools
        self.targets = targets
        addresses = books.sorted { $0.key < $1.key }.map(\.value)
        catalog = ModelCatalog(
            configuration.models.map { Model(id: $0.id, aliases: $0.aliases, created: created) }
        )
    }

    private static func book(for url: ExecutorURL) -> AddressBook {
        guard url.scheme == .unix else { return AddressBook(host: url.host, port: url.port) }
        guard let address = SocketAddress(unixPath: url.socketPath) else {
            preconditionFailure("the configuration took a path that no address can hold")
        }
        return AddressBook(address)
    }
}

extension ExecutorURL {
    /// Where it connects to, as text.
    fileprivate var place: String { scheme == .unix ? "unix:\(socketPath)" : "\(host) \(port)" }
}
