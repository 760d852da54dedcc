// The error of a system call that has failed, such as `connect`.
internal import Glibc

/// A system call that failed.
package struct SystemError: Error, CustomStringConvertible {
    /// The name of the system call, such as `connect`, or what the call was for, such as `group www`.
    package var call: String
    /// The `errno` of the call.
    package var code: CInt

    package init(_ call: String, _ code: CInt) {
        self.call = call
        self.code = code
    }

    /// The error of the system call `call`, which has just failed and set this thread's `errno`.
    static func last(_ call: String) -> SystemError { SystemError(call, errno) }

    package var description: String { "\(call): \(Self.text(code))" }

    /// Whether the call failed because the descriptors of the process or of the system are used up, or because epoll
    /// cannot watch another descriptor.
    ///
    /// Such an error is not the fault of the peer.
    package var isOutOfDescriptors: Bool {
        code == EMFILE || code == ENFILE || call == "epoll_ctl"
    }

    /// The system's message for a value of `errno`.
    package static func text(_ code: CInt) -> String { unsafe String(cString: strerror(code)) }
}
