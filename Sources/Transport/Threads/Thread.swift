// Threads: a worker is born on its thread with everything it owns, and dies there.
internal import CLinux
internal import Glibc

/// A started thread that can be waited for.
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

    /// Starts a thread with all signals blocked: the control thread reads them from its signalfd.
    /// - Parameter name: at most 15 bytes are shown by the system.
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

    package func join() { pthread_join(handle, nil) }
}

package enum Processors {
    /// How many processors this process may run on.
    package static var available: Int { Int(clinux_available_cpus()) }
    /// Pins the calling thread.
    ///
    /// False when the processor is not ours to have.
    @discardableResult
    package static func pin(to processor: Int) -> Bool { clinux_pin_to_cpu(CInt(processor)) == 0 }
}
