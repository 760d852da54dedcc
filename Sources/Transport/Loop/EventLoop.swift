// The event loop of one thread. Each turn polls epoll, delivers what has arrived, flushes output, fires timers and
// releases closed channels.
internal import CLinux
internal import Glibc

/// The owner of a descriptor that the loop watches, such as a channel, a listener or a mailbox.
protocol Registered: AnyObject {
    func ready(_ events: UInt32)
}

/// An epoll loop with timers, confined to one thread.
///
/// The properties `now` and `onTurnEnd` have private storage, because the compiler then sees every access and omits
/// Swift's runtime check of exclusive access (docs/decisions/0024-exclusivity-is-checked-in-release-builds.md).
@safe
package final class EventLoop {
    /// The maximum number of epoll events that the loop takes in one turn.
    ///
    /// The limit keeps a turn short, because output is written only after all epoll events of the turn are handled.
    private static let eventsMax = 256
    /// The size of the read buffer, in bytes: 64 KiB.
    package static let readSize = 64 << 10
    /// The largest number of turns in which the loop fires no timers after a pause of the process, such as SIGSTOP.
    ///
    /// In these turns, the loop reads the bytes that have arrived during the pause. Otherwise deadlines would expire
    /// although the awaited bytes have arrived.
    private static let catchUpMax = 64
    /// If a wait ends this many nanoseconds later than requested, the loop treats the delay as a pause of the process.
    private static let lateMin: Nanoseconds = 1_000_000_000

    /// The time source of the loop and its timers.
    package let clock: Clock
    private(set) var time: Nanoseconds
    /// The timers of the loop.
    package var timers = Timers()
    /// The pool of memory chunks in which all connections of the loop queue their output.
    package let chunks = ChunkPool()
    /// The output buffer that all connections of the loop share, one at a time.
    package let scratch = Scratch()
    /// The ciphertext buffers that all TLS connections of the loop share, one at a time.
    package let wire = TLSWire()
    /// Decides when the TLS handshakes of clients may take CPU time from streams.
    package let handshakes = HandshakeGate()
    /// The channels whose clients have lately caused much work; the loop reads them after all other work of a turn.
    let yielding = YieldQueue()
    /// The listeners that have connections to accept in this turn.
    var accepting: [Listener] = []

    let readBuffer: UnsafeMutableRawBufferPointer
    let plaintextBuffer: UnsafeMutableRawBufferPointer
    private let poller: CInt
    let choice: PollerChoice
    /// The io_uring of the loop; nil before a channel needs it, or if the kernel does not provide it.
    private var ring: ReceiveRing?
    private var isRingRefused = false
    private let events: UnsafeMutablePointer<epoll_event>
    /// The owners of the watched descriptors.
    ///
    /// An epoll event is ignored if its key matches no owner.
    private var registrations = Slab<any Registered>()
    /// The channels whose output the loop writes at the next call of `flushMarked`.
    private var marked: [Channel] = []
    /// The array that `flushMarked` swaps with `marked`, so that flushing allocates nothing.
    private var flushing: [Channel] = []
    /// Closed channels that the loop releases at the end of the turn.
    private var pendingRelease: [Channel] = []
    /// The channels on which the next turn calls `readAgain`, because they may have unread bytes or unfinished work.
    private var unread: [Channel] = []
    private var bulk = BulkReads()
    private var isStopped = false
    private var gatherer: Gatherer
    /// The longest wait in one turn, in milliseconds; nil for no limit.
    ///
    /// Only a loop whose clock is a `ProcessClock` has a limit. That clock notices pauses of the process by the time
    /// between two readings, so the loop must wake up often to read it.
    private let waitLimit: Int?
    /// The value of `clock.paused` when the loop last noticed a pause of the process.
    private var pausedBefore: Nanoseconds = 0
    /// How many more turns may pass without firing timers, so that the loop first reads what arrived during a pause.
    ///
    /// A pause of the process sets it to `catchUpMax`, each such turn lowers it by 1, and a turn that finds nothing
    /// more to read sets it to 0.
    private var catchUpTurns = 0
    /// For tests: an errno (ENOSPC or ENOMEM) with which all registrations fail; nil to register normally.
    package var registrationErrorForTest: CInt?
    private var turnEnd: (() -> Void)?

    /// Whether a busy loop waits before it polls again, so that one turn handles more tokens, and for how long.
    ///
    /// May be changed while the loop runs.
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

    /// The time at the beginning of the current turn, in nanoseconds.
    package var now: Nanoseconds { time }

    /// A closure that the loop calls at the end of each turn; for example, to publish counters.
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
    /// - Parameter waitMax: the longest time to wait for epoll, in milliseconds; -1 for no limit.
    package func turn(waitMax: Int = -1) {
        bulk.turnBegins()
        let isIdle = marked.isEmpty && unread.isEmpty && handshakes.isEmpty && yielding.isEmpty
        let timeout = isIdle ? pollTimeout(waitMax) : 0
        let count: Int
        if let ring, ring.active > 0 {
            count = turnRing(ring, timeout: timeout)
        } else {
            count = turnPoller(timeout: timeout)
        }
        flushMarked()
        if !handshakes.isEmpty { continueHandshakes(isIdle: count <= 0 && unread.isEmpty && yielding.isEmpty) }
        if !accepting.isEmpty { acceptConnections() }
        if !yielding.isEmpty { serveYielding() }
        if catchUpTurns > 0, count > 0 || !unread.isEmpty || !yielding.isEmpty {
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
    /// After a pause of the process or a very late turn, the loop first reads what has arrived, and fires timers later.
    /// Otherwise a deadline could expire although the awaited bytes are already in the kernel.
    ///
    /// - Parameter asked: how long the loop asked epoll to wait, in milliseconds.
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

    /// Polls epoll and delivers its events; used in turns in which no channel receives through io_uring.
    ///
    /// - Returns: the number of epoll events.
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

    /// Waits for epoll and io_uring, and delivers what they report.
    ///
    /// Used in turns in which io_uring receives for at least one channel. The loop waits in `io_uring_enter`, because
    /// the ring also polls epoll's descriptor.
    ///
    /// - Returns: the number of epoll events and io_uring completions.
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

    /// Waits in io_uring until there is at least one completion, or until `timeout` milliseconds have passed.
    ///
    /// If the loop is busy, it first waits for a short time for many completions, so that it handles them together.
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

    /// Delivers what io_uring has received; returns after `eventsMax` completions or slightly more.
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
                // Sound because only channels receive through io_uring, so every owner here is a channel.
                unsafe unsafeDowncast(owner, to: Channel.self).received(result, bytes, isLast: isLast)
            }
            count += taken
            // The kernel delivers completions in batches, and a wait with timeout 0 fetches the next batch.
            guard taken > 0, count < Self.eventsMax, ring.hasMore else { return count }
            ring.wait(for: 0, timeout: 0)
        }
    }

    /// The loop's io_uring, made at the first call; nil if the loop may use only epoll (`choice`), or if the kernel
    /// provides no io_uring.
    var receiveRing: ReceiveRing? {
        if ring == nil, choice != .epoll, !isRingRefused {
            ring = ReceiveRing(poller: poller)
            isRingRefused = ring == nil
        }
        return ring
    }

    /// Whether this loop can use io_uring.
    package var hasRing: Bool { receiveRing != nil }

    /// Reads from the channels that may have unread bytes from the previous turn.
    ///
    /// Large reads may take only a limited time of each turn (`BulkReads`). After that time, the remaining channels
    /// wait, and come first in the next turn. A channel whose handler has unfinished work does not wait.
    private func readUnread() {
        guard !unread.isEmpty else { return }
        let batch = unread
        unread.removeAll(keepingCapacity: true)
        var left: [Channel] = []
        for channel in batch {
            if bulk.isOver, !channel.continuesNextTurn { left.append(channel) } else { channel.readAgain() }
        }
        if !left.isEmpty { unread = left + unread }
    }

    private func pollTimeout(_ waitMax: Int) -> Int {
        var wait = waitMax < 0 ? waitLimit ?? -1 : min(waitMax, waitLimit ?? waitMax)
        guard let due = timers.next else { return wait }
        guard due > now else { return 0 }
        let milliseconds = Int(min((due - now + 999_999) / 1_000_000, 60_000))
        if wait < 0 || milliseconds < wait { wait = milliseconds }
        return wait
    }

    func flushMarked() {
        guard !marked.isEmpty else { return }
        // A channel may be marked again during the flush, because it has more output. The next call flushes it again.
        var batch: [Channel] = []
        swap(&batch, &flushing)
        swap(&batch, &marked)
        for channel in batch { channel.flush() }
        batch.removeAll(keepingCapacity: true)
        flushing = batch
    }

    /// Fires at most 10,000 due timers, so that timers that schedule new timers cannot prolong the turn without limit.
    private func expireTimers() {
        var budget = 10_000
        while budget > 0, let timer = timers.popDue(now) {
            timer.target.timerFired(timer.kind)
            budget -= 1
        }
    }

    private func reap() {
        // The release of a channel can close other channels, which are then added to `pendingRelease`.
        while !pendingRelease.isEmpty {
            let dead = pendingRelease
            pendingRelease.removeAll(keepingCapacity: true)
            for channel in dead { channel.release() }
        }
    }

    /// Closes every channel and releases all registered owners.
    ///
    /// No other call to the loop may follow.
    ///
    /// The call breaks the reference cycles between the loop and the owners. A closed connection may open a new one to
    /// retry its request, so the closing is repeated until no channel is left.
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
        yielding.removeAll()
        accepting = []
        timers = Timers()
        turnEnd = nil
    }

    // MARK: For channels and listeners

    /// Lets epoll watch a descriptor for `owner`, which the loop retains until `unregister`.
    ///
    /// - Throws: when the system cannot watch another descriptor (`fs.epoll.max_user_watches`, memory). The descriptor
    ///   then stays open and belongs to the caller.
    func register(_ owner: any Registered, descriptor: CInt, events: UInt32) throws(SystemError) -> SlabKey {
        let key = registrations.insert(owner)
        if let code = watch(descriptor, events: events, key) {
            registrations.remove(key)
            throw SystemError("epoll_ctl", code)
        }
        return key
    }

    /// Adds a descriptor to epoll.
    ///
    /// - Returns: ENOSPC or ENOMEM if the system cannot watch it; nil on success.
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

    /// Requests that the listener accepts connections at the end of this turn.
    func acceptLater(_ listener: Listener) { accepting.append(listener) }
    /// Requests that the loop writes the channel's output at the next call of `flushMarked`.
    func mark(_ channel: Channel) { marked.append(channel) }
    /// The largest number of bytes that a channel reads at once in this turn.
    var readMax: Int { bulk.isOver ? BulkReads.largeMin : Self.readSize }
    /// Reports to `BulkReads` that a read has returned at least `BulkReads.largeMin` bytes.
    func readWasLarge() { bulk.readWasLarge(at: clock.now) }
    /// Requests that the channel reads again in the next turn.
    func revisit(_ channel: Channel) { unread.append(channel) }
    /// Requests the release of a closed channel at the end of this turn.
    func releaseLater(_ channel: Channel) { pendingRelease.append(channel) }
}
