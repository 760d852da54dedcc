// The one door into a worker: a locked array and an eventfd.
internal import CLinux
internal import Glibc
internal import Synchronization

/// Messages for a loop, from any thread.
///
/// The loop takes them in its mailbox phase.
package final class Mailbox<Message: Sendable>: Sendable {
    private struct Box {
        var messages: [Message] = []
        var isClosed = false
    }

    private let pending = Lock(Box())
    private let signalled = Atomic<Bool>(false)
    package let descriptor: CInt

    package init() {
        descriptor = eventfd(0, clinux_EVENTFD_FLAGS)
        precondition(descriptor >= 0, "eventfd failed")
    }

    deinit { Glibc.close(descriptor) }

    /// - Returns: false when nobody will read it any more.
    @discardableResult
    package func post(_ message: Message) -> Bool {
        let isTaken = pending.withLock { box in
            if !box.isClosed { box.messages.append(message) }
            return !box.isClosed
        }
        // One wake-up for however many messages: the loop clears the flag before it takes them.
        if isTaken, !signalled.exchange(true, ordering: .acquiringAndReleasing) { eventfd_write(descriptor, 1) }
        return isTaken
    }

    /// Everything posted so far, in order.
    ///
    /// Called by the loop that owns the mailbox.
    package func takeAll() -> [Message] {
        var count: eventfd_t = 0
        unsafe eventfd_read(descriptor, &count)
        signalled.store(false, ordering: .releasing)
        return pending.withLock { box in
            let batch = box.messages
            box.messages = []
            return batch
        }
    }

    /// Takes no more messages.
    ///
    /// - Returns: those that came too late to be read, for what they carry to be let go.
    package func close() -> [Message] {
        pending.withLock { box in
            box.isClosed = true
            let rest = box.messages
            box.messages = []
            return rest
        }
    }
}
