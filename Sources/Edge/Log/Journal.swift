// Whether what is said goes to systemd's journal, and how it is told there how grave a line is (sd-daemon(3)).
internal import CLinux
internal import Glibc
internal import Inference

/// Levels of syslog(3), as sd-daemon(3) has them.
package enum LogPriority: UInt8, Sendable {
    case error = 3
    case warning = 4
    case information = 6

    /// `<6>`, to stand before a line.
    var prefix: [UInt8] { [UInt8(ascii: "<"), UInt8(ascii: "0") + rawValue, UInt8(ascii: ">")] }
}

package enum Journal {
    /// Whether a descriptor is the journal's.
    ///
    /// `JOURNAL_STREAM` has the device and the inode of the stream that systemd
    /// made for stdout, stderr, or both (systemd.exec(5)). A file or a pipe that took its place since is another one.
    package static func isConnected(_ descriptor: CInt, environment value: String?) -> Bool {
        guard let value, let colon = value.firstIndex(of: ":"), let device = UInt64(value[..<colon]),
            let inode = UInt64(value[value.index(after: colon)...])
        else { return false }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return false }
        return UInt64(status.st_dev) == device && UInt64(status.st_ino) == inode
    }

    package static func isConnected(_ descriptor: CInt) -> Bool {
        let value = unsafe getenv("JOURNAL_STREAM")
        return isConnected(descriptor, environment: unsafe value.map { unsafe String(cString: $0) })
    }
}

extension ExchangeMachine.End {
    /// What a client did, or wanted in vain, is no news; what we or an executor could not do is.
    var priority: LogPriority {
        if case .failed(let failure) = self, failure.side != .client { return .warning }
        return .information
    }
}
