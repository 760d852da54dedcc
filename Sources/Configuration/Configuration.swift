// The configuration of one process as a value: every setting that a configuration file can contain, with its default.
package import Inference
package import Routing
package import Transport

/// The settings of one process, read from a file, or made by `serve --executor` or a test.
///
/// The initial values are the defaults of `docs/configuration.md`. A file replaces the values of the settings that it
/// contains.
package struct Configuration: Sendable, Equatable {
    /// The addresses that clients connect to; never empty when read from a file.
    package var listeners: [ListenerSettings]
    /// The listener for operators, which serves metrics and health checks.
    package var admin = Admin()
    /// How many worker threads serve clients.
    package var workers = Workers.auto
    /// How long a busy worker sleeps before it polls its sockets again.
    ///
    /// The sleep lets the bytes of many tokens arrive, which the worker then handles in one turn of its event loop.
    package var gather = Gather.auto
    /// The system interface by which workers learn that a socket is readable.
    package var poller = Poller.auto
    /// The largest amount of memory, in bytes, for connections, requests and responses together.
    package var memoryLimitBytes = 1 << 30
    /// The largest number of client connections at once, over all listeners; at this number the server stops accepting.
    package var maxConnections = 10_000
    /// The time before the expiry of a certificate at which the server starts to warn of the expiry.
    package var certificateNotice = Duration.seconds(21 * 86_400)
    /// How long health checks are answered with 503 after SIGTERM, before the server stops accepting connections.
    package var lameDuck = Duration.zero
    /// How long requests under way may continue after the server has stopped accepting connections, because of SIGTERM.
    package var drainTimeout = Duration.seconds(60)
    /// How long requests under way may continue in a process that a newer process has replaced (an upgrade).
    package var upgradeDrain = Duration.seconds(3600)
    /// How many replaced processes may exist at the same time to finish their requests after upgrades.
    package var upgradeGenerations = 4
    /// How long the new process of an upgrade may take until it is ready.
    ///
    /// Once it is ready, it may take the same time again until it accepts connections.
    package var upgradeTimeout = Duration.seconds(30)
    /// How long a client that has requested a stream waits for the status and header if no event arrives from the
    /// executor.
    ///
    /// After that time the server sends the status and header without waiting for the executor.
    package var commitAfter = Duration.seconds(10)
    /// The interval at which the server sends SSE comments to a client whose stream has no events for a while.
    package var keepAlive = Duration.seconds(10)
    /// Whether the server sends the status and then spaces to a client that waits for a response that is not a stream.
    ///
    /// The spaces keep proxies from closing a connection on which nothing is sent.
    package var jsonKeepAlive = false
    /// How many times a request may have passed through this server before, according to its field `cdn-loop`.
    package var maxLoops = 1
    /// The timeouts of connections and requests; a model may replace some of them.
    package var timeouts = Timeouts()
    /// The limits of each request and of each connection.
    package var limits = Limits()
    /// The limits of the queue in which the requests for a model wait for an executor.
    package var admission = Admission()
    /// Whether clients need API keys, which file contains the keys, and the limits of clients without a key.
    package var authentication = Authentication()
    /// The file for a record of finished requests; not used yet.
    package var ledger = Ledger()
    /// Which web pages may send requests from a browser.
    package var cors = CORS()
    /// Further request header fields that the server forwards to every executor, in addition to the fields that are
    /// always forwarded.
    package var forward = ForwardSettings()
    /// Whether the billing header that coding agents put first in the system prompt is left out of requests; nil means
    /// that the kind of each executor decides.
    package var stripBilling: Bool?
    /// The header fields and body members by which clients say that requests belong to one session.
    package var sessionFields = SessionFields.standard
    /// The APIs (`ServedDialect`) that executors offer; nil means that the kind of each executor decides.
    package var dialects: [ServedDialect]?
    /// The settings of the log: what is written, and to which file.
    package var log = Log()
    /// The models that clients may name; not empty in a configuration from a file, unless the configuration has
    /// `discoveries`.
    package var models: [ModelSettings]
    /// The engines that the server asks for their lists of models; the server also serves the models in these lists.
    package var discoveries: [DiscoverySettings] = []
    /// The executors that each `ModelSettings.executorFile` listed when the configuration was read, by the file's path.
    package var listedExecutors: [String: [ExecutorSettings]] = [:]
    /// The warnings about the files from which this configuration was read.
    package var warnings: [ConfigurationProblem] = []
    /// The values of the files from which this configuration was read; used to describe how two configurations differ.
    package var outline = ConfigurationOutline()
    /// The names of the environment variables that are used in the files of this configuration, sorted.
    ///
    /// The values are read at the start of the process and do not change until it ends.
    package var variables: [String] = []

    /// Makes a configuration with these listeners and models and the default of every other setting.
    ///
    /// Authentication is not required here. `load` requires it by default if other machines can reach a listener.
    package init(listeners: [ListenerSettings], models: [ModelSettings]) {
        self.listeners = listeners
        self.models = models
    }
}

extension Configuration {
    /// The listener for metrics, status and debug pages; by default only this machine can reach the listener.
    package struct Admin: Sendable, Equatable {
        /// The address to listen on; never the address of a client listener.
        package var address = ListenAddress.tcp(host: "127.0.0.1", port: 9901)
        /// The mode and group of the socket's file, if the address is a unix socket.
        package var socketAccess = SocketFileAccess()
        /// The host names for which requests are answered, besides `localhost` and IP addresses; in lower case.
        package var hosts: [String] = []
        /// The client addresses that are served; nil for all addresses.
        package var allow: [AddressRange]?
        /// The unix socket on which the server receives commands.
        package var commandSocket = CommandSocket.automatic
        package init() {}
    }

    /// The unix socket on which the server receives commands such as `freeinference reload`.
    package enum CommandSocket: Sendable, Equatable {
        /// `/run/freeinference/admin.sock`, or if that cannot be opened, `freeinference/admin.sock` in
        /// `$XDG_RUNTIME_DIR`.
        case automatic
        /// The server opens no command socket.
        case off
        /// A socket at this absolute path.
        case path(String)
    }

    /// The number of worker threads.
    package enum Workers: Sendable, Equatable {
        /// One worker for each core that the process may use.
        case auto
        /// A fixed number of workers, 1 to 1024.
        case count(Int)
    }

    /// How long a busy worker sleeps before it polls its sockets again, so that one turn of its event loop handles many
    /// tokens.
    package enum Gather: Sendable, Equatable {
        /// The worker chooses by its load how long it sleeps.
        case auto
        /// The worker does not sleep: it polls again at once.
        case off
        /// A busy worker sleeps until this time, 10 µs to 10 ms, has passed since its last turn began.
        case interval(Duration)
    }

    /// The system interface by which workers learn that a socket is readable.
    package enum Poller: String, Sendable, Equatable, CaseIterable {
        /// io_uring for token streams if the kernel allows it, epoll for everything else.
        case auto
        /// epoll for all sockets; io_uring is not used.
        case epoll
    }

    /// How long each phase of a connection or of a request may take.
    package struct Timeouts: Sendable, Equatable {
        /// The longest time from accepting a connection to the end of its TLS handshake.
        package var handshake = Duration.seconds(10)
        /// The longest time from the first byte of a request head to its end.
        package var header = Duration.seconds(10)
        /// The longest pause that a client may make while it sends a request body.
        package var body = Duration.seconds(30)
        /// How long a client connection without a request under way is kept open.
        package var idle = Duration.seconds(75)
        /// How long a connection of a trusted listener is kept open while no request is under way on it.
        package var idleTrusted = Duration.seconds(905)
        /// The longest time in which a client may read nothing although response bytes wait to be sent.
        package var clientStall = Duration.seconds(60)
        /// How long TCP connect, TLS handshake and first HTTP/2 frame may take together, for one address of an
        /// executor.
        package var connect = Duration.seconds(2)
        /// How long a request may take until the first event of its streamed response, over all executors that are
        /// tried.
        ///
        /// Each 40 kB of request body adds 1 s.
        package var firstEvent = Duration.seconds(300)
        /// How long a request may take until the end of a response that is not a stream, over all executors that are
        /// tried.
        package var response = Duration.seconds(600)
        /// The longest time between two events of a stream.
        ///
        /// The time in which the server pauses reading from the executor does not count.
        package var stall = Duration.seconds(300)
        /// How long a request may wait for an executor that is loading the model, if no other executor is ready.
        ///
        /// Zero means that no request waits.
        package var loadWait = Duration.seconds(60)
        package init() {}
    }

    /// How many bytes, header fields and streams a request or a connection may have.
    package struct Limits: Sendable, Equatable {
        /// The largest request body, in bytes.
        package var bodyBytes = 64 << 20
        /// The largest request head, in bytes.
        package var headerBytes = 32 << 10
        /// The largest number of header fields of a request.
        package var headerCount = 100
        /// The largest number of streams at once on one HTTP/2 connection.
        package var streams = 1024
        /// The response bytes that are buffered for one request before the server pauses reading from the executor.
        package var exchangeBufferBytes = 256 << 10
        /// The lowest average pace at which a client may send a request body, in bytes a second; 0 for any pace.
        package var bodyPace = 1000
        /// The lowest pace at which a client may read while response bytes wait to be sent, in bytes a second; 0 for
        /// any pace.
        package var readPace = 500
        /// The limits on the connections, requests and bytes of the clients at one address.
        package var perAddress = AddressLimits()
        /// How many requests with one API key, or from one address without a key, may be abandoned in a minute; nil for
        /// no limit.
        ///
        /// A key's own limit, if it has one, replaces this limit.
        ///
        /// A request counts if its client abandons it after an executor has received it, and before the first event of
        /// the response has arrived.
        package var prefillResets: Int? = 1000
        package init() {}
    }

    /// The limits of the queue in which the requests for one model wait for an executor.
    package struct Admission: Sendable, Equatable {
        /// How long a request may wait; zero means that no request waits.
        ///
        /// The value is below `commitAfter`, after which a stream gets the status 200. So a request that has waited too
        /// long can still be answered with the status 429.
        package var maxWait = Duration.seconds(8)
        /// The largest number of requests that wait for one model.
        package var maxQueue = 1000
        /// The parts of the queue, and of the executors' free slots, that are guaranteed to requests of lower priority
        /// classes.
        package var shares = QueueShares()
        package init() {}
    }

    /// Which clients may send requests; clients without a key share the tenant `anonymous`.
    package struct Authentication: Sendable, Equatable {
        /// Whether a request to a model is refused if it has no API key.
        ///
        /// Requests that the server answers itself, such as for the list of models, need no key. If `keysPath` is set,
        /// a request with an invalid key is refused even if this value is false.
        package var required = false
        /// The file with the API keys: YAML if its name ends in `.yaml` or `.yml`, otherwise SQLite.
        package var keysPath: String?
        /// The file with the secret that is used to hash the keys; set whenever `keysPath` is set.
        package var secretPath: String?
        /// The limits that all clients without a key share.
        package var anonymousLimits = KeyLimits()
        /// The priority class of requests without a key, and the priority classes that clients without a key may
        /// choose.
        package var anonymousPriority = PriorityRule()
        package init() {}
    }

    /// The file for a record of finished requests; the path is read, but nothing is written to the file yet.
    package struct Ledger: Sendable, Equatable {
        /// The absolute path of the file for the record of finished requests; nil if there is none.
        package var path: String?
        package init() {}
    }

    /// Which browser origins may send requests.
    package struct CORS: Sendable, Equatable {
        /// Origins in the form of a browser's `origin` field, such as `https://chat.example.org`; `*` stands for all
        /// origins.
        package var origins: [String] = []
        package init() {}
    }

    /// The settings of the log: what is written, and to which file.
    package struct Log: Sendable, Equatable {
        /// Whether one JSON line is written for each exchange (a request and its response).
        package var access = true
        /// Whether the JSON line of a request contains the error text of the engine, which may quote the client's
        /// request.
        package var engineErrors = false
        /// The absolute path of the file that the log goes to; nil for stdout.
        package var file: String?
        package init() {}
    }
}
