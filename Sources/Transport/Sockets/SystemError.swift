// The error of a system call.
internal import Glibc

/// A system call that failed.
package struct SystemError: Error, CustomStringConvertible {
    /// The name of the call, such as `connect`, or of what it was made for.
    package var call: String
    /// The `errno` that it set.
    package var code: CInt

    package init(_ call: String, _ code: CInt) {
        self.call = call
        self.code = code
    }

    /// The failure of a call that has just set this thread's `errno`.
    static func last(_ call: String) -> SystemError { SystemError(call, errno) }

    package var description: String { "\(call): \(Self.text(code))" }

    /// Whether this process has no descriptor left, or the system no room to watch another one; the peer is not at
    /// fault.
    package var isOutOfDescriptors: Bool {
        code == EMFILE || code == ENFILE || call == "epoll_ctl"
    }

    /// The system's message for an `errno`.
    package static func text(_ code: CInt) -> String { unsafe String(cString: strerror(code)) }
}
