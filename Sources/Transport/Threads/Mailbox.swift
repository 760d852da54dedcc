// The one door into a worker: a locked array and an eventfd.
internal import CLinux
internal import Glibc
internal import Synchronization

/// Messages for a loop, from any thread.
///
/// The loop takes them in its mailbox phase.
package final class Mailbox<Message: Sendable>: Sendable {
    private let pending = Lock<[Message]>([])
    private let signalled = Atomic<Bool>(false)
    package let descriptor: CInt

    package init() {
        descriptor = eventfd(0, clinux_EVENTFD_FLAGS)
        precondition(descriptor >= 0, "eventfd failed")
    }

    deinit { close(descriptor) }

    package func post(_ message: Message) {
        pending.withLock { $0.append(message) }
        // One wake-up for however many messages: the loop clears the flag before it takes them.
        if !signalled.exchange(true, ordering: .acquiringAndReleasing) { eventfd_write(descriptor, 1) }
    }

    /// Everything posted so far, in order.
    ///
    /// Called by the loop that owns the mailbox.
    package func takeAll() -> [Message] {
        var count: eventfd_t = 0
        unsafe eventfd_read(descriptor, &count)
        signalled.store(false, ordering: .releasing)
        return pending.withLock {
            let batch = $0
            $0 = []
            return batch
        }
    }
}
