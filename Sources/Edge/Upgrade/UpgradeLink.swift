// One end of the connection between two processes of an upgrade.
internal import CLinux
internal import Glibc
internal import Transport

/// Sends and receives `UpgradeMessage`s on a unix stream socket; confined to the control thread.
///
/// Only the static functions block. The other functions keep bytes that the socket does not accept, and send them
/// later.
final class UpgradeLink {
    /// The largest message that is read, in bytes; a longer one ends the link.
    static let messageMax = 64 << 20
    /// How long the link waits before it tries again to send bytes that the socket did not accept, in nanoseconds.
    private static let retryInterval: Nanoseconds = 5_000_000

    /// The descriptor of this process's end of the connection.
    let descriptor: CInt
    private let loop: EventLoop
    private var watch: SlabKey?
    private var received: (UpgradeMessage) -> Void = { _ in }
    private var ended: () -> Void = {}
    private var input: [UInt8] = []
    private var output: [UInt8] = []
    private var retry: TimerID?
    /// Whether this process has closed its end: by `close`, because the other end was closed, or after an error.
    private(set) var isEnded = false

    /// - Parameter descriptor: a non-blocking stream socket, which the link closes.
    init(_ descriptor: CInt, loop: EventLoop) {
        self.descriptor = descriptor
        self.loop = loop
    }

    /// Begins to read messages.
    ///
    /// - Parameters:
    ///   - received: called with each message; a line that is no message is ignored.
    ///   - ended: called once, when the other end is closed or the link cannot be read.
    func read(_ received: @escaping (UpgradeMessage) -> Void, ended: @escaping () -> Void) {
        (self.received, self.ended) = (received, ended)
        guard watch == nil, !isEnded else { return }
        do throws(SystemError) {
            watch = try loop.watchUntilUnwatched(descriptor: descriptor) { [unowned self] in readWaiting() }
        } catch {
            OperatorLog.warn("a link to another process of the server cannot be watched: \(error)")
            end()
        }
        // Bytes that arrived before this call are not lost: the poller also reports a socket that is already readable.
    }

    /// Stops reading, because another process reads from this end from now on; a call of `read` begins again.
    func pause() {
        if let watch { loop.unwatch(watch, descriptor: descriptor) }
        watch = nil
    }

    /// Sends a message; does nothing if the link has ended.
    func send(_ message: UpgradeMessage) {
        guard !isEnded else { return }
        output += message.line
        write()
    }

    /// Closes this process's end of the connection, without a call of `ended`.
    func close() {
        guard !isEnded else { return }
        isEnded = true
        pause()
        if let retry { loop.timers.cancel(retry) }
        retry = nil
        (received, ended) = ({ _ in }, {})
        Glibc.close(descriptor)
    }

    // MARK: The socket

    private func write() {
        while !output.isEmpty {
            let count = unsafe output.withUnsafeBytes { bytes in
                unsafe Glibc.send(descriptor, bytes.baseAddress, bytes.count, clinux_MSG_NOSIGNAL)
            }
            guard count > 0 else { break }
            output.removeFirst(count)
        }
        guard !output.isEmpty, retry == nil else { return }
        // The socket's buffer is full, or the other end is closed. If it is closed, `readWaiting` ends the link.
        retry = loop.timers.schedule(
            at: loop.now + Self.retryInterval,
            target: TimerClosure { [unowned self] in
                retry = nil
                if !isEnded { write() }
            },
            kind: 0
        )
    }

    private func readWaiting() {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while !isEnded, watch != nil {
            let count = unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe Glibc.read(descriptor, bytes.baseAddress, bytes.count)
            }
            if count > 0 {
                take(buffer[..<count])
                if input.count > Self.messageMax { return end() }
            } else if count < 0, errno == EAGAIN || errno == EINTR {
                return
            } else {
                return end()
            }
        }
    }

    /// Handles each message that these bytes complete, and keeps the bytes after the last newline for the next call.
    private func take(_ bytes: ArraySlice<UInt8>) {
        var rest = bytes
        while let newline = rest.firstIndex(of: 0x0A) {
            let line = input + rest[..<newline]
            input = []
            rest = rest[(newline + 1)...]
            if let message = UpgradeMessage(line: line) { received(message) }
        }
        input += rest
    }

    private func end() {
        let ended = ended
        close()
        ended()
    }

    // MARK: The start of a successor

    /// Waits for the first message; used at the start of a process, before it has an event loop.
    ///
    /// - Parameter timeout: in milliseconds.
    /// - Returns: nil if no message comes in time, or if it is not understood.
    static func firstMessage(_ descriptor: CInt, timeout: CInt = 10_000) -> UpgradeMessage? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        // The main process sends its second message only after this process has answered the first one. So the bytes
        // contain only one message, which is complete when they end with a newline.
        while bytes.count < messageMax {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                bytes += buffer[..<count]
                if bytes.last == 0x0A { return UpgradeMessage(line: bytes.dropLast()) }
                continue
            }
            guard count < 0, errno == EAGAIN || errno == EINTR else { return nil }
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&waiting, 1, timeout) > 0 else { return nil }
        }
        return nil
    }

    /// Sends a message and waits until the socket has accepted it; used before there is an event loop.
    static func sendNow(_ message: UpgradeMessage, to descriptor: CInt) {
        var rest = message.line
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { bytes in
                unsafe Glibc.send(descriptor, bytes.baseAddress, bytes.count, clinux_MSG_NOSIGNAL)
            }
            if count > 0 {
                rest.removeFirst(count)
                continue
            }
            guard count < 0, errno == EAGAIN || errno == EINTR else { return }
            var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard unsafe poll(&waiting, 1, 10_000) > 0 else { return }
        }
    }
}
