/// A server's configuration for tests: a TLS and a cleartext listener on free ports, and the model `demo`.
struct Configuration: Sendable {
    var tls = Port.free()
    var clear = Port.free()
    var admin = Port.free()

    /// Whether there is no TLS listener, for a server that may not read the certificates' keys.
    var isClearOnly = false

    /// Further listeners, as items of a YAML list.
    var listeners: [String] = []

    /// The path of the unix socket for operators' commands, such as `freeinference status`; nil for no socket.
    var commands: String?

    /// The URLs of the executors of `demo`.
    ///
    /// They have no health probes, so that the requests that a test counts are its own.
    var executors: [String] = []

    /// Further top-level lines of the configuration file.
    ///
    /// A key that is set here replaces the default of the tests.
    var settings = ""

    /// Further models, as the items of a YAML list.
    var models = ""

    func yaml(_ certificates: Certificates) -> String {
        let secure = """
              - address: 127.0.0.1:\(tls)
                tls:
                  certificates:
                    - chain: \(certificates.chain)
                      key: \(certificates.key)

            """
        var text = """
            listeners:
            \(isClearOnly ? "" : secure)  - address: 127.0.0.1:\(clear)
            \(listeners.map { "  - \($0)\n" }.joined())admin:
              address: 127.0.0.1:\(admin)
              socket: \(commands ?? "off")

            """
        // A test that leaves streams open should not wait a minute for the drain.
        if !settings.contains("drain_timeout:") { text += "drain_timeout: 1s\n" }
        text += settings.isEmpty ? "" : settings + "\n"
        text += "models:\n"
        if !executors.isEmpty {
            text += "  - id: demo\n    executors:\n"
            text += executors.map { "      - {url: '\($0)', health: {interval: 0s}}\n" }.joined()
        }
        text += models.split(separator: "\n").map { "  \($0)\n" }.joined()
        return text
    }
}
