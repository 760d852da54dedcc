// The configuration of one process as a value: every setting that the file may have, with its default.
package import Routing
package import Transport

/// The settings of one process, read from a file or made by a test.
///
/// The initial values are the defaults of `docs/configuration.md`; reading a file replaces those that the file names.
package struct Configuration: Sendable, Equatable {
    /// The addresses that clients connect to; never empty when read from a file.
    package var listeners: [ListenerSettings]
    /// The listener for operators.
    package var admin = Admin()
    /// How many worker threads serve clients.
    package var workers = Workers.auto
    /// How long a busy worker collects what arrives before it handles it.
    package var gather = Gather.auto
    /// How workers wait for sockets.
    package var poller = Poller.auto
    /// The most memory, in bytes, for everything that clients and executors can make the server hold.
    package var memoryLimitBytes = 1 << 30
    /// The most client connections at once, over all listeners; beyond it accepting pauses.
    package var maxConnections = 10_000
    /// How long before its end a certificate causes a warning.
    package var certificateNotice = Duration.seconds(21 * 86_400)
    /// How long health checks say 503 after SIGTERM before the server accepts no more connections.
    package var lameDuck = Duration.zero
    /// How long exchanges may continue after SIGTERM, and after `lameDuck`.
    package var drainTimeout = Duration.seconds(60)
    /// How long a stream may be silent before its client is sent the status and header although no event has come.
    package var commitAfter = Duration.seconds(10)
    /// The time between two keep-alive comments of a silent stream.
    package var keepAlive = Duration.seconds(10)
    /// The timeouts of connections and exchanges; a model may have its own for some of them.
    package var timeouts = Timeouts()
    /// The limits of single requests, connections and exchanges.
    package var limits = Limits()
    /// The limits of the queue that each model has.
    package var admission = Admission()
    /// Whether keys are required, and where they are.
    package var authentication = Authentication()
    /// Where finished exchanges are to be recorded.
    package var ledger = Ledger()
    /// Which web pages may send requests from a browser.
    package var cors = CORS()
    /// The header fields of clients that are forwarded to every executor in addition to those that always are.
    package var forward = ForwardSettings()
    /// What is logged of each exchange.
    package var log = Log()
    /// The models that clients may name; when read from a file never empty, unless there are `discoveries`.
    package var models: [ModelSettings]
    /// The engines whose lists of models are served too.
    package var discoveries: [DiscoverySettings] = []
    /// The executors that each `ModelSettings.executorFile` listed when the configuration was read, by the file's path.
    package var listedExecutors: [String: [ExecutorSettings]] = [:]
    /// The warnings about the files that this configuration was read from.
    package var warnings: [ConfigurationProblem] = []
    /// The values of those files, by which two configurations are compared in words.
    package var outline = ConfigurationOutline()
    /// The environment variables that the files name, sorted; their values are those of the start of the process.
    package var variables: [String] = []

    /// Makes a configuration with these listeners and models and the default of every other setting.
    ///
    /// Authentication is not required here: the rule that requires it on listeners that other machines can reach is
    /// applied when a file is read.
    package init(listeners: [ListenerSettings], models: [ModelSettings]) {
        self.listeners = listeners
        self.models = models
    }
}

extension Configuration {
    /// The listener for metrics, status and debug pages; by default only this machine can reach it.
    package struct Admin: Sendable, Equatable {
        /// The address to listen on; never that of a client listener.
        package var address = ListenAddress.tcp(host: "127.0.0.1", port: 9901)
        /// The mode and group of the socket's file, if the address is a unix socket.
        package var socketAccess = SocketFileAccess()
        /// The names besides those of loopback under which the listener may be asked, in lower case.
        package var hosts: [String] = []
        /// The addresses whose connections it serves; nil for all.
        package var allow: [AddressRange]?
        /// Where the server takes commands.
        package var commandSocket = CommandSocket.automatic
        package init() {}
    }

    /// The unix socket on which the server takes commands such as `freeinference reload`.
    package enum CommandSocket: Sendable, Equatable {
        /// `/run/freeinference/admin.sock`, else `freeinference/admin.sock` below `$XDG_RUNTIME_DIR`.
        case automatic
        /// There is none.
        case off
        /// A socket at this absolute path.
        case path(String)
    }

    /// The number of worker threads.
    package enum Workers: Sendable, Equatable {
        /// One for each core that the process may use.
        case auto
        /// A fixed number, 1 to 1024.
        case count(Int)
    }

    /// How long a busy worker sleeps before it polls again, so that one turn of its loop handles many tokens.
    package enum Gather: Sendable, Equatable {
        /// The worker chooses by its load.
        case auto
        /// The worker polls again at once.
        case off
        /// A fixed time, 10 µs to 10 ms.
        case interval(Duration)
    }

    /// The system interface by which workers learn that a socket is readable.
    package enum Poller: String, Sendable, Equatable, CaseIterable {
        /// io_uring for token streams if the kernel allows it, epoll for everything else.
        case auto
        /// epoll alone.
        case epoll
    }

    /// How long each phase of a connection or an exchange may take.
    package struct Timeouts: Sendable, Equatable {
        /// From accepting a connection to the end of its TLS handshake.
        package var handshake = Duration.seconds(10)
        /// From the first byte of a request head to its end.
        package var header = Duration.seconds(10)
        /// Between two bytes of a request body.
        package var body = Duration.seconds(30)
        /// How long a client connection without an exchange is kept.
        package var idle = Duration.seconds(75)
        /// The same as `idle`, for connections of a trusted listener.
        package var idleTrusted = Duration.seconds(905)
        /// How long a client may read nothing while bytes of a response wait for it.
        package var clientStall = Duration.seconds(60)
        /// For one address of an executor: connecting, the TLS handshake and the first HTTP/2 frame together.
        package var connect = Duration.seconds(2)
        /// For all attempts of an exchange together, until the first event of a stream; 1 s more for each 40 kB of
        /// request body.
        package var firstEvent = Duration.seconds(300)
        /// For all attempts of an exchange together, until the end of an answer that is not a stream.
        package var response = Duration.seconds(600)
        /// Between two events of a stream, while reading from the executor is not paused.
        package var stall = Duration.seconds(300)
        package init() {}
    }

    /// How much one request, one connection and one exchange may hold.
    package struct Limits: Sendable, Equatable {
        /// The largest request body, in bytes.
        package var bodyBytes = 64 << 20
        /// The largest request head, in bytes.
        package var headerBytes = 32 << 10
        /// The most header fields of a request.
        package var headerCount = 100
        /// The most streams at once on one HTTP/2 connection.
        package var streams = 1024
        /// The bytes of an answer that an exchange buffers before it pauses reading from its executor.
        package var exchangeBufferBytes = 256 << 10
        package init() {}
    }

    /// How long and how many exchanges of one model may wait for an executor.
    package struct Admission: Sendable, Equatable {
        /// How long an exchange may wait; zero means that none waits.
        ///
        /// It is always below `commitAfter`, so that an exchange that has waited too long can still get the status 429.
        package var maxWait = Duration.seconds(8)
        /// The most exchanges that wait for one model.
        package var maxQueue = 1000
        package init() {}
    }

    /// Which clients may send requests; clients without a key share the tenant `anonymous`.
    package struct Authentication: Sendable, Equatable {
        /// Whether a request without a valid key is refused.
        package var required = false
        /// The file that holds the keys: YAML if its name ends in `.yaml` or `.yml`, otherwise SQLite.
        package var keysPath: String?
        /// The file that holds the secret under which keys are hashed; never nil if `keysPath` is not.
        package var secretPath: String?
        /// The limits that all clients without a key share.
        package var anonymousLimits = KeyLimits()
        package init() {}
    }

    /// The file in which finished exchanges are to be recorded; its path is read, but not used yet.
    package struct Ledger: Sendable, Equatable {
        /// The path of the file, absolute; nil if there is none.
        package var path: String?
        package init() {}
    }

    /// Which browser origins may send requests.
    package struct CORS: Sendable, Equatable {
        /// Origins as the `origin` field of a browser has them, or `*`.
        package var origins: [String] = []
        package init() {}
    }

    /// What is written to the log, and where that goes.
    package struct Log: Sendable, Equatable {
        /// Whether each exchange gets its JSON line.
        package var access = true
        /// Whether that line has the text of engines' errors, which may quote what clients have sent.
        package var engineErrors = false
        /// The absolute path of the file that the log goes to; nil for stdout.
        package var file: String?
        package init() {}
    }
}
