// Sends messages from any thread to an event loop, through a locked array and an eventfd.
internal import CLinux
internal import Glibc
internal import Synchronization

/// A queue of messages for one event loop; any thread can post.
///
/// The queue has no maximum length, so callers must limit what they post.
package final class Mailbox<Message: Sendable>: Sendable {
    private struct Box {
        var messages: [Message] = []
        var isClosed = false
    }

    private let pending = Lock(Box())
    private let signalled = Atomic<Bool>(false)
    /// An eventfd that is readable while messages are waiting.
    ///
    /// `EventLoop.attach` makes the loop watch it.
    package let descriptor: CInt

    package init() {
        descriptor = eventfd(0, clinux_EVENTFD_FLAGS)
        precondition(descriptor >= 0, "eventfd failed")
    }

    deinit { Glibc.close(descriptor) }

    /// Appends a message and wakes the loop.
    ///
    /// - Returns: false if the mailbox is closed; the message is then dropped.
    @discardableResult
    package func post(_ message: Message) -> Bool {
        let isTaken = pending.withLock { box in
            if !box.isClosed { box.messages.append(message) }
            return !box.isClosed
        }
        // If `signalled` was already true, the loop has been woken and will take this message too. No message is
        // missed, because `takeAll` clears the flag before it takes the messages.
        if isTaken, !signalled.exchange(true, ordering: .acquiringAndReleasing) { eventfd_write(descriptor, 1) }
        return isTaken
    }

    /// Removes and returns all messages, oldest first.
    ///
    /// Only the loop that owns the mailbox may call `takeAll`.
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

    /// Closes the mailbox; from then on `post` returns false.
    ///
    /// - Returns: the unread messages, so that the caller can release the resources they hold.
    package func close() -> [Message] {
        pending.withLock { box in
            box.isClosed = true
            let rest = box.messages
            box.messages = []
            return rest
        }
    }
}
