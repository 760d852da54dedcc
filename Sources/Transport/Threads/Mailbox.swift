// Messages into a loop from other threads: a locked array and an eventfd.
internal import CLinux
internal import Glibc
internal import Synchronization

/// A queue of messages for a loop, to which any thread can post.
///
/// It has no maximum length: callers bound what they post.
package final class Mailbox<Message: Sendable>: Sendable {
    private struct Box {
        var messages: [Message] = []
        var isClosed = false
    }

    private let pending = Lock(Box())
    private let signalled = Atomic<Bool>(false)
    /// An eventfd that is readable while messages wait; `EventLoop.attach` watches it.
    package let descriptor: CInt

    package init() {
        descriptor = eventfd(0, clinux_EVENTFD_FLAGS)
        precondition(descriptor >= 0, "eventfd failed")
    }

    deinit { Glibc.close(descriptor) }

    /// Appends a message and wakes the loop.
    ///
    /// - Returns: false when the mailbox is closed; the message is then dropped.
    @discardableResult
    package func post(_ message: Message) -> Bool {
        let isTaken = pending.withLock { box in
            if !box.isClosed { box.messages.append(message) }
            return !box.isClosed
        }
        // Messages that wait together need one wake-up: the loop clears the flag before it takes them.
        if isTaken, !signalled.exchange(true, ordering: .acquiringAndReleasing) { eventfd_write(descriptor, 1) }
        return isTaken
    }

    /// Removes and returns all messages, in order.
    ///
    /// Only the loop that owns the mailbox calls this.
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

    /// Closes the mailbox: `post` returns false from now on.
    ///
    /// - Returns: the messages that were not read, so that the caller can release what they carry.
    package func close() -> [Message] {
        pending.withLock { box in
            box.isClosed = true
            let rest = box.messages
            box.messages = []
            return rest
        }
    }
}
