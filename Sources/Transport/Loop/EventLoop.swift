// The event loop of one worker: poll, deliver, flush, timers, mailbox, reap. Born on its thread, confined to it.
internal import CLinux
internal import Glibc

/// How long a busy loop waits before it polls again, so that one turn carries many tokens.
package enum Gather: Sendable, Equatable {
    case off
    /// When recent turns brought few events each and they come by the thousand a second.
    case auto
    case fixed(Nanoseconds)
}

/// Whoever owns a registered descriptor: channels, listeners, the mailbox.
protocol Registered: AnyObject {
    func ready(_ events: UInt32)
}

/// One worker's loop.
///
/// The time and the call at the end of a turn are private with accessors, so that the compiler sees every access and
/// leaves the check of exclusive access out (decision 0024).
@safe
package final class EventLoop {
    /// Events taken from one poll.
    ///
    /// Bounds how many bytes wait for one flush.
    private static let eventsMax = 256
    package static let readSize = 64 << 10
    /// For how many turns timers may wait, after the loop was away, for what is ready to be read.
    private static let catchUpMax = 64
    /// The loop was away if it comes back so much later than it asked for, in nanoseconds.
    private static let lateMin: Nanoseconds = 1_000_000_000

    package let clock: Clock
    private var time: Nanoseconds
    package var timers = Timers()
    package let chunks = ChunkPool()
    package let scratch = Scratch()
    package let wire = TLSWire()

    let readBuffer: UnsafeMutableRawBufferPointer
    let plaintextBuffer: UnsafeMutableRawBufferPointer
    private let poller: CInt
    let choice: PollerChoice
    /// Made for the first channel that wants it; nil also when it cannot be had.
    private var ring: ReceiveRing?
    private var isRingRefused = false
    private let events: UnsafeMutablePointer<epoll_event>
    /// The owners of the descriptors that are watched; an event whose key names none of them is ignored.
    private var registrations = Slab<any Registered>()
    private var marked: [Channel] = []
    /// The other of the two arrays that take turns as `marked`: no turn allocates.
    private var flushing: [Channel] = []
    private var pendingRelease: [Channel] = []
    private var unread: [Channel] = []
    private var isStopped = false
    private var gatherer: Gatherer
    /// The longest wait in milliseconds: a clock that finds pauses is read by every loop from time to time.
    private let waitLimit: Int?
    /// The clock's pauses when the last turn began.
    private var pausedBefore: Nanoseconds = 0
    /// Turns in which timers may still wait for what is ready.
    private var catchUpTurns = 0
    /// What the kernel is to answer to the registrations that follow: ENOSPC or ENOMEM, for tests of that.
    package var registrationErrorForTest: CInt?
    private var turnEnd: (() -> Void)?

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

    package var now: Nanoseconds { time }

    /// The loop's owner hears of the end of each turn: where counters are reported and the pendingRelease's kin reaped.
    package var onTurnEnd: (() -> Void)? {
        get { turnEnd }
        set { turnEnd = newValue }
    }

    // MARK: The turn

    package func run() { while !isStopped { turn() } }

    /// Ends `run` after the turn that is under way.
    package func stop() { isStopped = true }

    /// One turn.
    ///
    /// - Parameter waitMax: the longest time to wait for events, in milliseconds; -1 for as long as it takes.
    package func turn(waitMax: Int = -1) {
        let timeout = marked.isEmpty && unread.isEmpty ? pollTimeout(waitMax) : 0
        let count: Int
        if let ring, ring.active > 0 {
            count = turnRing(ring, timeout: timeout)
        } else {
            if timeout != 0 { gatherer.gather(clock: clock, lastTurn: now) }
            count = poll(timeout)
            readClock(asked: timeout)
            readUnread()
            if count > 0 {
                gatherer.observe(events: count, now: now)
                deliver(count)
            }
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

    /// The time of this turn.
    ///
    /// A loop that was away, by a pause of the process or by a turn that took long, reads what has come meanwhile before
    /// it looks at deadlines. What a pause of the process took is not in the time at all.
    ///
    /// - Parameter asked: how long the poller was to wait, in milliseconds.
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

    /// Poll and deliver while some channels are received by the ring: the same, with its wait in place of the poller's.
    ///
    /// - Returns: how many events there were.
    private func turnRing(_ ring: ReceiveRing, timeout: Int) -> Int {
        let wait = timeout == 0 ? 0 : gatherer.wait(clock: clock, lastTurn: now)
        if wait > 0 { ring.wait(for: Self.eventsMax / 2, timeout: Int64(wait)) }
        if wait == 0 || !ring.hasMore {
            ring.wait(for: timeout == 0 ? 0 : 1, timeout: timeout < 0 ? -1 : Int64(timeout) * 1_000_000)
        }
        readClock(asked: timeout)
        readUnread()
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
            // The kernel hands its work over in pieces.
            guard taken > 0, count < Self.eventsMax, ring.hasMore else { break }
            ring.wait(for: 0, timeout: 0)
        }
        if ring.takePollerReady() {
            let polled = poll(0)
            if polled > 0 { deliver(polled) }
            count += max(0, polled)
        }
        if count > 0 { gatherer.observe(events: count, now: now) }
        return count
    }

    /// The ring, if this loop may have one.
    var receiveRing: ReceiveRing? {
        if ring == nil, choice != .epoll, !isRingRefused {
            ring = ReceiveRing(poller: poller)
            isRingRefused = ring == nil
        }
        return ring
    }

    /// io_uring can be had here.
    package var hasRing: Bool { receiveRing != nil }

    /// Channels that had more to read than was read in the turn before.
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
        // Those that mark themselves while the batch is flushed (a bulk sender) have their turn in the next one.
        var batch: [Channel] = []
        swap(&batch, &flushing)
        swap(&batch, &marked)
        for channel in batch { channel.flush() }
        batch.removeAll(keepingCapacity: true)
        flushing = batch
    }

    /// Bounded: timers that schedule timers cannot hold the turn.
    private func expireTimers() {
        var budget = 10_000
        while budget > 0, let timer = timers.popDue(now) {
            timer.target.timerFired(timer.kind)
            budget -= 1
        }
    }

    private func reap() {
        // A channel that goes may close others.
        while !pendingRelease.isEmpty {
            let dead = pendingRelease
            pendingRelease.removeAll(keepingCapacity: true)
            for channel in dead { channel.release() }
        }
    }

    /// Closes every channel and lets go of all that is registered: the last call to a loop.
    ///
    /// A loop and what is registered in it hold each other. A connection that is closed may open another one for what it
    /// had to do, which is closed as well.
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

    /// Has the poller watch a descriptor for `owner`.
    ///
    /// - Throws: when the system has no room for another watch (`fs.epoll.max_user_watches`, memory). The descriptor is
    ///   the caller's as before.
    func register(_ owner: any Registered, descriptor: CInt, events: UInt32) throws(SystemError) -> SlabKey {
        let key = registrations.insert(owner)
        if let code = watch(descriptor, events: events, key) {
            registrations.remove(key)
            throw SystemError("epoll_ctl", code)
        }
        return key
    }

    /// - Returns: the limit of the system that is in the way; nil when the descriptor is watched.
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

    func mark(_ channel: Channel) { marked.append(channel) }
    func revisit(_ channel: Channel) { unread.append(channel) }
    func releaseLater(_ channel: Channel) { pendingRelease.append(channel) }

    /// Calls `body` in the mailbox's turn, whenever something was posted.
    ///
    /// A thread is of no use without its mailbox: no room for it ends the process.
    package func attach<Message: Sendable>(_ mailbox: Mailbox<Message>, _ body: @escaping (Message) -> Void) {
        keep(MailboxReader(mailbox: mailbox, body: body), descriptor: mailbox.descriptor)
    }

    /// Calls `body` whenever a descriptor (a signalfd) can be read.
    ///
    /// The caller reads it. No room for it ends the process, as for a mailbox.
    package func watch(descriptor: CInt, _ body: @escaping () -> Void) {
        keep(DescriptorWatch(body: body), descriptor: descriptor)
    }

    /// Watches for as long as the loop runs.
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
