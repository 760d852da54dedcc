// Watches of mailboxes and of other descriptors that are not stream sockets.
internal import CLinux

extension EventLoop {
    /// Calls `body` on the loop's thread for each message that is posted to the mailbox.
    ///
    /// If the system cannot watch the mailbox, the process ends, because a loop without its mailbox is useless.
    package func attach<Message: Sendable>(_ mailbox: Mailbox<Message>, _ body: @escaping (Message) -> Void) {
        keep(MailboxReader(mailbox: mailbox, body: body), descriptor: mailbox.descriptor)
    }

    /// Calls `body` whenever a descriptor, such as a signalfd, becomes readable.
    ///
    /// `body` must read from the descriptor.
    ///
    /// If the system cannot watch the descriptor, the process ends.
    package func watch(descriptor: CInt, _ body: @escaping () -> Void) {
        keep(DescriptorWatch(body: body), descriptor: descriptor)
    }

    /// Calls `body` whenever a descriptor becomes readable, until `unwatch`.
    ///
    /// - Returns: the key to pass to `unwatch`.
    /// - Throws: when the system cannot watch another descriptor.
    package func watchUntilUnwatched(
        descriptor: CInt,
        _ body: @escaping () -> Void
    ) throws(SystemError) -> SlabKey {
        try register(DescriptorWatch(body: body), descriptor: descriptor, events: clinux_EPOLLIN)
    }

    /// Ends a watch; the descriptor stays open.
    package func unwatch(_ watch: SlabKey, descriptor: CInt) { unregister(watch, descriptor: descriptor) }

    /// Watches a descriptor as long as the loop exists, and calls `owner.ready` when the descriptor is readable.
    ///
    /// If the system cannot watch the descriptor, the process ends.
    private func keep(_ owner: any Registered, descriptor: CInt) {
        do throws(SystemError) {
            _ = try register(owner, descriptor: descriptor, events: clinux_EPOLLIN)
        } catch {
            fatalError("\(error)")
        }
    }
}

private final class MailboxReader<Message: Sendable>: Registered {
    private let mailbox: Mailbox<Message>
    private let body: (Message) -> Void
    init(mailbox: Mailbox<Message>, body: @escaping (Message) -> Void) {
        self.mailbox = mailbox
        self.body = body
    }
    func ready(_ events: UInt32) { for message in mailbox.takeAll() { body(message) } }
}

private final class DescriptorWatch: Registered {
    private let body: () -> Void
    init(body: @escaping () -> Void) { self.body = body }
    func ready(_ events: UInt32) { body() }
}
