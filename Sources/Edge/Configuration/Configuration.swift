// The configuration of one process: an immutable snapshot of everything that the file may say, with the defaults.
package import Routing
package import Transport

/// What the operator has asked for.
///
/// A value: whoever keeps one keeps a snapshot. The initial values here are the defaults of `docs/configuration.md`;
/// reading a file only replaces what the file names.
package struct Configuration: Sendable, Equatable {
    package var listeners: [ListenerSettings]
    package var admin = Admin()
    package var workers = Workers.auto
    package var gather = Gather.auto
    package var poller = Poller.auto
    package var memoryLimitBytes = 1 << 30
    package var maxConnections = 10_000
    package var drainTimeout = Duration.seconds(60)
    package var commitAfter = Duration.seconds(10)
    package var keepAlive = Duration.seconds(10)
    package var timeouts = Timeouts()
    package var limits = Limits()
    package var admission = Admission()
    package var authentication = Authentication()
    package var ledger = Ledger()
    package var cors = CORS()
    /// Which of a client's fields every executor gets beside those that always pass.
    package var forward = ForwardSettings()
    package var log = Log()
    package var models: [ModelSettings]
    /// What was found in its files that is probably not meant.
    package var warnings: [ConfigurationProblem] = []

    /// Everything at its default, but for what is served and where.
    ///
    /// Authentication is not required here: only a file has the rule about listeners that others can reach.
    package init(listeners: [ListenerSettings], models: [ModelSettings]) {
        self.listeners = listeners
        self.models = models
    }
}

extension Configuration {
    /// Where metrics, status and debug pages are served.
    ///
    /// Never public by default.
    package struct Admin: Sendable, Equatable {
        package var address = ListenAddress.tcp(host: "127.0.0.1", port: 9901)
        /// Of the socket's file, where it is a unix socket.
        package var socketAccess = SocketFileAccess()
        package init() {}
    }

    /// How many worker threads there are.
    package enum Workers: Sendable, Equatable {
        /// One a core that the process may use.
        case auto
        case count(Int)
    }

    /// How long a busy worker sleeps before it polls again, so that one turn carries many tokens.
    package enum Gather: Sendable, Equatable {
        /// The worker chooses by its load.
        case auto
        case off
        case interval(Duration)
    }

    /// What tells the workers that there is something to read.
    package enum Poller: String, Sendable, Equatable, CaseIterable {
        /// io_uring for token streams where the kernel allows it, epoll for the rest.
        case auto
        case epoll
    }

    /// How long each phase may take.
    package struct Timeouts: Sendable, Equatable {
        /// From accept to the end of the TLS handshake.
        package var handshake = Duration.seconds(10)
        /// From the first byte of a request head to its end.
        package var header = Duration.seconds(10)
        /// Between two bytes of a request body.
        package var body = Duration.seconds(30)
        /// A client connection without an exchange.
        package var idle = Duration.seconds(75)
        /// The same, on a trusted listener.
        package var idleTrusted = Duration.seconds(905)
        /// A client that owes us a read and takes nothing.
        package var clientStall = Duration.seconds(60)
        /// To one address of an executor, with its TLS handshake and its first HTTP/2 frame.
        package var connect = Duration.seconds(2)
        /// To the first event of a stream; 1 s more for each 40 kB of request body.
        package var firstEvent = Duration.seconds(300)
        /// To the end of an answer that is not a stream.
        package var response = Duration.seconds(600)
        /// Between two events of a stream.
        package var stall = Duration.seconds(300)
        package init() {}
    }

    /// How much a client may send, and have in flight.
    package struct Limits: Sendable, Equatable {
        package var bodyBytes = 64 << 20
        package var headerBytes = 32 << 10
        package var headerCount = 100
        /// Streams on one HTTP/2 connection.
        package var streams = 1024
        /// The most that one exchange holds of an answer before reading its executor pauses.
        package var exchangeBufferBytes = 256 << 10
        package init() {}
    }

    /// How long and how many exchanges of one model may wait for an executor.
    package struct Admission: Sendable, Equatable {
        /// Always below `commitAfter`, so that a queue's 429 is always a status.
        package var maxWait = Duration.seconds(8)
        package var maxQueue = 1000
        package init() {}
    }

    /// Who may ask.
    ///
    /// Whoever has no key is the tenant `anonymous`.
    package struct Authentication: Sendable, Equatable {
        package var required = false
        /// The file that holds the keys: YAML by its ending, else SQLite.
        package var keysPath: String?
        /// The file that holds the secret under which keys are hashed.
        ///
        /// Never nil where there are keys.
        package var secretPath: String?
        /// Of all those together who have no key.
        package var anonymousLimits = KeyLimits()
        package init() {}
    }

    /// Where finished exchanges are recorded.
    ///
    /// Accepted now, used from a later version.
    package struct Ledger: Sendable, Equatable {
        package var path: String?
        package init() {}
    }

    /// Which browser origins may call.
    package struct CORS: Sendable, Equatable {
        /// As a browser's `origin` field has them, or `*`.
        package var origins: [String] = []
        package init() {}
    }

    /// What goes to stdout.
    package struct Log: Sendable, Equatable {
        /// One JSON line an exchange.
        package var access = true
        /// The text of engines' errors in it: engines quote there what clients have sent.
        package var engineErrors = false
        package init() {}
    }
}

/// One address that clients connect to.
package struct ListenerSettings: Sendable, Equatable {
    package var address: ListenAddress
    /// Of the socket's file, where it is a unix socket.
    package var socketAccess = SocketFileAccess()
    /// Cleartext where it is nil.
    package var tls: TLS?
    /// Whether `Upgrade: h2c` is honoured; only ever on cleartext.
    package var h2cUpgrade = true
    /// Whether HTTP/2 is spoken, by ALPN, by prior knowledge or by upgrade.
    package var http2 = true
    /// Peers are our own proxies: looser limits for each connection, and `timeouts.idleTrusted`.
    package var trusted = false
    /// Requests get 308 to the TLS listener; only ever on cleartext.
    package var redirectsToHTTPS = false

    package init(address: ListenAddress, tls: TLS? = nil, h2cUpgrade: Bool = true, trusted: Bool = false) {
        self.address = address
        self.tls = tls
        self.h2cUpgrade = h2cUpgrade
        self.trusted = trusted
    }

    package struct TLS: Sendable, Equatable {
        /// Never empty when read from a file; the first serves unknown and absent names.
        package var certificates: [Certificate]

        package init(certificates: [Certificate]) {
            self.certificates = certificates
        }
    }

    package struct Certificate: Sendable, Equatable {
        package var chainPath: String
        package var keyPath: String

        package init(chainPath: String, keyPath: String) {
            self.chainPath = chainPath
            self.keyPath = keyPath
        }
    }
}
