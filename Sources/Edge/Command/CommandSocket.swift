// The unix socket on which a running server takes commands from the command line: its default paths, and how it is
// opened.
internal import Configuration
internal import Glibc
internal import Transport

/// The default paths of the command socket, and the function that opens the socket.
package enum CommandSocket {
    /// The default path for a server that systemd or root has started.
    private static let systemPath = "/run/freeinference/admin.sock"

    /// The default paths of `admin.socket`, in the order in which the server and the command line try them.
    ///
    /// - Parameter environment: the environment variables of the process.
    package static func defaultPaths(environment: [String: String]) -> [String] {
        var paths = [systemPath]
        if let folder = environment["XDG_RUNTIME_DIR"], folder.hasPrefix("/") {
            paths.append("\(folder)/freeinference/admin.sock")
        }
        return paths
    }

    /// The paths at which the server tries to open the socket, in this order; empty if the configuration disables the
    /// socket.
    static func paths(_ setting: Configuration.CommandSocket, environment: [String: String]) -> [String] {
        switch setting {
        case .off: []
        case .path(let path): [path]
        case .automatic: defaultPaths(environment: environment)
        }
    }

    /// Opens the command socket with mode 0600, so that only the user of this process and root can send commands.
    ///
    /// If a server that has died left its socket file, the new file replaces it. The file of a running server is not
    /// replaced.
    ///
    /// - Returns: the socket, or the reason why it cannot be opened, in words for the operator. Both are nil if the
    ///   configuration disables the socket.
    static func open(
        _ setting: Configuration.CommandSocket,
        environment: [String: String]
    ) -> (sockets: ListenerSet?, problem: String?) {
        let paths = paths(setting, environment: environment)
        if paths.isEmpty { return (nil, nil) }
        var problems: [String] = []
        for path in paths {
            guard let address = SocketAddress(unixPath: path) else {
                problems.append("\(path): the path is too long")
                continue
            }
            // An error of this call needs no report, because without the folder the next step fails, and that error is
            // reported.
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
