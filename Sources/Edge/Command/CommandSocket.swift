// Where the server takes commands and the command line sends them: the path of the unix socket, and how it is opened.
internal import Configuration
internal import Glibc
internal import Transport

/// Finds and opens the command socket.
package enum CommandSocket {
    /// The path under systemd, and for root.
    private static let systemPath = "/run/freeinference/admin.sock"

    /// The paths of `admin.socket` by default, in the order in which the server tries them.
    ///
    /// - Parameter environment: of the process.
    package static func defaultPaths(environment: [String: String]) -> [String] {
        var paths = [systemPath]
        if let folder = environment["XDG_RUNTIME_DIR"], folder.hasPrefix("/") {
            paths.append("\(folder)/freeinference/admin.sock")
        }
        return paths
    }

    /// Opens the socket of a configuration, with mode 0600: only the user of this process and root can send commands.
    ///
    /// The file of a server that has died is replaced; a server that lives keeps its own.
    ///
    /// - Returns: the socket, or why there is none, in words for the operator; both nil where the configuration wants
    ///   none.
    static func open(
        _ setting: Configuration.CommandSocket,
        environment: [String: String]
    ) -> (sockets: ListenerSet?, problem: String?) {
        let paths: [String]
        switch setting {
        case .off: return (nil, nil)
        case .path(let path): paths = [path]
        case .automatic: paths = defaultPaths(environment: environment)
        }
        var problems: [String] = []
        for path in paths {
            guard let address = SocketAddress(unixPath: path) else {
                problems.append("\(path): the path is too long")
                continue
            }
            // An error shows when the socket is opened.
            SystemFiles.makeFolder(of: path)
            do throws(ListenerSet.Failure) {
                return (try ListenerSet(addresses: [address], workers: 1, access: [SocketFileAccess(mode: 0o600)]), nil)
            } catch {
                let isTaken = error.cause.code == EADDRINUSE
                problems.append("\(path): \(isTaken ? "another server has it" : "\(error.cause)")")
            }
        }
        return (nil, problems.joined(separator: "; "))
    }
}
