// The event loop of one worker: poll, deliver, flush, expire timers, release. Confined to its thread.
internal import CLinux
internal import Glibc

/// An owner of a registered descriptor: a channel, a listener, a mailbox.
protocol Registered: AnyObject {
    func ready(_ events: UInt32)
}

/// An epoll loop with timers, for one thread.
///
/// The time and the call at the end of a turn are private with accessors: then the compiler sees every access and omits
/// the runtime check of exclusive access (decision 0024).
@safe
package final class EventLoop {
    /// The maximum number of events taken from one poll, which bounds the bytes that wait for one flush.
    private static let eventsMax = 256
    /// The size of the read buffer, in bytes.
    package static let readSize = 64 << 10
    /// The maximum number of turns in which timers wait, after a pause of the loop, while there is something to read.
    private static let catchUpMax = 64
    /// A wait that ends this much later than it was asked to counts as a pause of the loop.
    private static let lateMin: Nanoseconds = 1_000_000_000

    /// The time source of the loop and its timers.
    package let clock: Clock
    private var time: Nanoseconds
    /// The timers of the loop.
    package var timers = Timers()
    /// The pool for the output queues of all connections of the loop.
    package let chunks = ChunkPool()
    /// The output buffer that all connections of the loop use in turn.
    package let scratch = Scratch()
    /// The ciphertext buffers that all TLS connections of the loop use in turn.
    package let wire = TLSWire()

    let readBuffer: UnsafeMutableRawBufferPointer
    let plaintextBuffer: UnsafeMutableRawBufferPointer
    private let poller: CInt
    let choice: PollerChoice
    /// The io_uring of the loop; nil until a channel first asks for it, and if the kernel does not offer one.
    private var ring: ReceiveRing?
    private var isRingRefused = false
    private let events: UnsafeMutablePointer<epoll_event>
    /// The owners of the descriptors that are watched; an event whose key names none of them is ignored.
    private var registrations = Slab<any Registered>()
    /// Channels to flush in this turn.
    private var marked: [Channel] = []
    /// A second array that is swapped with `marked` for each flush, so that no turn allocates.
    private var flushing: [Channel] = []
    /// Closed channels, to be released at the end of the turn.
    private var pendingRelease: [Channel] = []
    /// Channels with bytes that the last turn left unread.
    private var unread: [Channel] = []
    private var isStopped = false
    private var gatherer: Gatherer
    /// The longest wait in milliseconds, so that a `ProcessClock` is read often enough; nil for other clocks.
    private let waitLimit: Int?
    /// The sum of the clock's pauses when the last turn began.
    private var pausedBefore: Nanoseconds = 0
    /// The number of turns in which timers may still wait for pending reads.
    private var catchUpTurns = 0
    /// An errno, ENOSPC or ENOMEM, with which registrations fail from now on; for tests.
    package var registrationErrorForTest: CInt?
    private var turnEnd: (() -> Void)?

    /// How long the loop waits before it polls again; may change while it runs.
    package var gather: Gather {
        get { gatherer.mode }
        set {
            if newValue != .off, gatherer.mode == .off { _ = clinux_set_timer_slack(1000) }
            gatherer.mode = newValue
        }
    }

    package init(clock: Clock = .monotonic, gather: Gather = .off, poller choice: PollerChoice = .auto) {
        self.clock = clock
        self.choice = choice
        time = clock.now
        gatherer = Gatherer(gather)
        if case .process = clock { waitLimit = Int(ProcessClock.tick / 1_000_000) } else { waitLimit = nil }
        poller = epoll_create1(clinux_EPOLL_CLOEXEC)
        precondition(poller >= 0, "epoll_create1 failed")
        unsafe events = .allocate(capacity: Self.eventsMax)
        unsafe readBuffer = .allocate(byteCount: Self.readSize, alignment: 64)
        unsafe plaintextBuffer = .allocate(byteCount: Self.readSize, alignment: 64)
        if gather != .off { _ = clinux_set_timer_slack(1000) }
    }

    deinit {
        close(poller)
        unsafe events.deallocate()
        unsafe readBuffer.deallocate()
        unsafe plaintextBuffer.deallocate()
    }

    /// The time at the beginning of this turn.
    package var now: Nanoseconds { time }

    /// Called at the end of each turn; the owner of the loop reports its counters there.
    package var onTurnEnd: (() -> Void)? {
        get { turnEnd }
        set { turnEnd = newValue }
    }

    // MARK: The turn

    /// Runs turns on the calling thread until `stop` is called.
    package func run() { while !isStopped { turn() } }

    /// Ends `run` after the current turn.
    package func stop() { isStopped = true }

    /// Runs one turn.
    ///
    /// - Parameter waitMax: the longest time to wait for events, in milliseconds; -1 for no limit.
    package func turn(waitMax: Int = -1) {
        let timeout = marked.isEmpty && unread.isEmpty ? pollTimeout(waitMax) : 0
        let count: Int
        if let ring, ring.active > 0 {
            count = turnRing(ring, timeout: timeout)
        } else {
            count = turnPoller(timeout: timeout)
        }
        flushMarked()
        if catchUpTurns > 0, count > 0 || !unread.isEmpty {
            catchUpTurns -= 1
        } else {
            catchUpTurns = 0
            expireTimers()
            flushMarked()
        }
        reap()
        turnEnd?()
        reap()
    }

    /// Reads the clock at the beginning of a turn.
    ///
    /// After a pause of the process or a turn that took long, the loop reads what has arrived meanwhile before it
    /// expires timers. A pause of the process does not count in the time of a `ProcessClock` at all.
    ///
    /// - Parameter asked: how long the poller was asked to wait, in milliseconds.
    private func readClock(asked: Int) {
        let last = time
        time = clock.now
        guard waitLimit != nil else { return }
        let paused = clock.paused
        if paused != pausedBefore || time > last + Nanoseconds(max(0, asked)) * 1_000_000 + Self.lateMin {
            pausedBefore = paused
            catchUpTurns = Self.catchUpMax
        }
    }

    private func poll(_ timeout: Int) -> Int {
        unsafe Int(epoll_wait(poller, events, CInt(Self.eventsMax), CInt(timeout)))
    }

    private func deliver(_ count: Int) {
        for index in 0..<count {
            let key = unsafe SlabKey(bits: clinux_event_data(events, CInt(index)))
            guard let owner = registrations[key] else { continue }
            unsafe owner.ready(clinux_event_bits(events, CInt(index)))
        }
    }

    /// Polls and delivers in a turn in which the poller reports every channel.
    ///
    /// - Returns: the number of events.
    @inline(__always)
    private func turnPoller(timeout: Int) -> Int {
        if timeout != 0 { gatherer.gather(clock: clock, lastTurn: now) }
        let count = poll(timeout)
        readClock(asked: timeout)
        readUnread()
        if count > 0 {
            gatherer.observe(events: count, now: now)
            deliver(count)
        }
        return count
    }

    /// Polls and delivers in a turn in which the ring receives some channels.
    ///
    /// The loop waits in the ring, which watches the poller as well.
    ///
    /// - Returns: the number of events.
    private func turnRing(_ ring: ReceiveRing, timeout: Int) -> Int {
        wait(in: ring, timeout: timeout)
        readClock(asked: timeout)
        readUnread()
        var count = deliver(from: ring)
        if ring.takePollerReady() {
            let polled = poll(0)
            if polled > 0 { deliver(polled) }
            count += max(0, polled)
        }
        if count > 0 { gatherer.observe(events: count, now: now) }
        return count
    }

    /// Waits in the ring: first to gather events while the worker is busy, then for the first event.
    @inline(__always)
    private func wait(in ring: ReceiveRing, timeout: Int) {
        guard timeout != 0 else {
            ring.wait(for: 0, timeout: 0)
            return
        }
        let gathering = gatherer.wait(clock: clock, lastTurn: now)
        if gathering > 0 {
            ring.wait(for: Self.eventsMax / 2, timeout: Int64(gathering))
            if ring.hasMore { return }
        }
        ring.wait(for: 1, timeout: timeout < 0 ? -1 : Int64(timeout) * 1_000_000)
    }

    /// Delivers what the ring has received, at most about `eventsMax` completions.
    ///
    /// - Returns: the number of completions.
    @inline(__always)
    private func deliver(from ring: ReceiveRing) -> Int {
        var count = 0
        while true {
            let taken = unsafe ring.takeAll(awaiting: { key in
                guard let owner = registrations[key] else { return }
                unsafe clinux_prefetch(Unmanaged.passUnretained(owner as AnyObject).toOpaque())
            }) { key, result, bytes, isLast in
                guard let owner = registrations[key] else { return }
                // Only channels ask the ring to receive.
                unsafe unsafeDowncast(owner, to: Channel.self).received(result, bytes, isLast: isLast)
            }
            count += taken
            // The kernel delivers completions in batches.
            guard taken > 0, count < Self.eventsMax, ring.hasMore else { return count }
            ring.wait(for: 0, timeout: 0)
        }
    }

    /// The ring, made at the first call; nil where the settings exclude it or the kernel does not offer it.
    var receiveRing: ReceiveRing? {
        if ring == nil, choice != .epoll, !isRingRefused {
            ring = ReceiveRing(poller: poller)
            isRingRefused = ring == nil
        }
        return ring
    }

    /// Whether this loop can use io_uring.
    package var hasRing: Bool { receiveRing != nil }

    /// Reads from the channels with bytes that the last turn left unread.
    private func readUnread() {
        guard !unread.isEmpty else { return }
        let batch = unread
        unread.removeAll(keepingCapacity: true)
        for channel in batch { channel.readAgain() }
    }

    private func pollTimeout(_ waitMax: Int) -> Int {
        var wait = waitMax < 0 ? waitLimit ?? -1 : min(waitMax, waitLimit ?? waitMax)
        guard let due = timers.next else { return wait }
        guard due > now else { return 0 }
        let milliseconds = Int(min((due - now + 999_999) / 1_000_000, 60_000))
        if wait < 0 || milliseconds < wait { wait = milliseconds }
        return wait
    }

    private func flushMarked() {
        guard !marked.isEmpty else { return }
        // A channel that is marked during the flush, such as a bulk sender, is flushed in the next turn.
        var batch: [Channel] = []
        swap(&batch, &flushing)
        swap(&batch, &marked)
        for channel in batch { channel.flush() }
        batch.removeAll(keepingCapacity: true)
        flushing = batch
    }

    /// Fires at most 10,000 due timers, so that timers which schedule timers cannot hold the turn.
    private func expireTimers() {
        var budget = 10_000
        while budget > 0, let timer = timers.popDue(now) {
            timer.target.timerFired(timer.kind)
            budget -= 1
        }
    }

    private func reap() {
        // Releasing a channel may close others.
        while !pendingRelease.isEmpty {
            let dead = pendingRelease
            pendingRelease.removeAll(keepingCapacity: true)
            for channel in dead { channel.release() }
        }
    }

    /// Closes every channel and releases everything registered; must be the last call to a loop.
    ///
    /// It breaks the reference cycles between the loop and its registrations. A connection that is closed may open
    /// another one to retry its request; that one is closed as well.
    package func dismantle() {
        repeat {
            for owner in registrations.elements { (owner as? Channel)?.close() }
            reap()
        } while registrations.elements.contains { $0 is Channel }
        ring = nil
        isRingRefused = true
        registrations = Slab()
        marked = []
        unread = []
        timers = Timers()
        turnEnd = nil
    }

    // MARK: For channels and listeners

    /// Has the poller watch a descriptor for `owner`, which the loop holds until `unregister`.
    ///
    /// - Throws: when the system has no room for another watch (`fs.epoll.max_user_watches`, memory). The descriptor
    ///   then stays open, and still belongs to the caller.
    func register(_ owner: any Registered, descriptor: CInt, events: UInt32) throws(SystemError) -> SlabKey {
        let key = registrations.insert(owner)
        if let code = watch(descriptor, events: events, key) {
            registrations.remove(key)
            throw SystemError("epoll_ctl", code)
        }
        return key
    }

    /// - Returns: ENOSPC or ENOMEM; nil when the descriptor is watched.
    private func watch(_ descriptor: CInt, events: UInt32, _ key: SlabKey) -> CInt? {
        if let registrationErrorForTest { return registrationErrorForTest }
        guard clinux_epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, events, key.bits) != 0 else { return nil }
        let code = errno
        precondition(code == ENOSPC || code == ENOMEM, "epoll_ctl(ADD) failed")
        return code
    }

    func modify(_ key: SlabKey, descriptor: CInt, events: UInt32) {
        _ = clinux_epoll_ctl(poller, EPOLL_CTL_MOD, descriptor, events, key.bits)
    }

    func unregister(_ key: SlabKey, descriptor: CInt) {
        _ = clinux_epoll_ctl(poller, EPOLL_CTL_DEL, descriptor, 0, 0)
        registrations.remove(key)
    }

    /// Flushes the channel at the end of this turn.
    func mark(_ channel: Channel) { marked.append(channel) }
    /// Reads from the channel again in the next turn.
    func revisit(_ channel: Channel) { unread.append(channel) }
    /// Releases the closed channel at the end of this turn.
    func releaseLater(_ channel: Channel) { pendingRelease.append(channel) }

    /// Calls `body` on the loop's thread with each message that is posted to the mailbox.
    ///
    /// A loop cannot work without its mailbox: when the system cannot watch it, the process ends.
    package func attach<Message: Sendable>(_ mailbox: Mailbox<Message>, _ body: @escaping (Message) -> Void) {
        keep(MailboxReader(mailbox: mailbox, body: body), descriptor: mailbox.descriptor)
    }

    /// Calls `body` whenever a descriptor, such as a signalfd, becomes readable; `body` reads it.
    ///
    /// When the system cannot watch the descriptor, the process ends.
    package func watch(descriptor: CInt, _ body: @escaping () -> Void) {
        keep(DescriptorWatch(body: body), descriptor: descriptor)
    }

    /// Registers an owner for as long as the loop runs.
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
