// Starts threads, and pins threads to processors.
internal import CLinux
internal import Glibc

/// A running thread that can be joined.
package struct Thread: Sendable {
    private let handle: pthread_t

    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Starts a thread that runs `body`; the thread inherits the signal mask of the caller.
    ///
    /// - Parameter name: the name that tools such as `top` show, cut to 15 bytes.
    package init(name: String, _ body: @escaping @Sendable () -> Void) {
        let start = Start(name: name, body: body)
        var created = pthread_t()
        let context = unsafe Unmanaged.passRetained(start).toOpaque()
        let result = unsafe pthread_create(
            &created,
            nil,
            { context in
                let start = unsafe Unmanaged<Start>.fromOpaque(context!).takeRetainedValue()
                _ = unsafe clinux_name_thread(start.name)
                start.body()
                return nil
            },
            context
        )
        precondition(result == 0, "pthread_create failed")
        handle = created
    }

    /// Lets the system free the thread's resources when the thread ends; `join` must not be called afterwards.
    package func detach() { pthread_detach(handle) }

    /// Waits until the thread has ended.
    ///
    /// Must be called exactly once, unless the thread is detached.
    package func join() { pthread_join(handle, nil) }
}

/// The processors of the machine.
package enum Processors {
    /// The number of processors that this process may run on.
    package static var available: Int { Int(clinux_available_cpus()) }
    /// Pins the calling thread to one processor.
    ///
    /// - Returns: false if the process may not run on that processor.
    @discardableResult
    package static func pin(to processor: Int) -> Bool { clinux_pin_to_cpu(CInt(processor)) == 0 }
}
