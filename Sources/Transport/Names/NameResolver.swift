// Keeps address books up to date: resolves each name at start, and again whenever its answer has expired.

/// Resolves the names of executors.
///
/// Confined to the control thread's loop. No request waits for it: a slow name server delays new addresses only.
package final class NameResolver: TimerTarget {
    /// The range into which the TTL of an answer is clamped, in seconds.
    ///
    /// An answer from `/etc/hosts` has no TTL, and so expires after the shorter time.
    package static let secondsToLive = 5...300
    /// How long to wait after a failure, in seconds: the shorter at first, doubled with each further one up to the
    /// longer.
    static let secondsToRetry = 5...60

    private struct Entry {
        let book: AddressBook
        let name: String
        var failures = 0
        /// Whether a failure has been reported, and no success since.
        var isFailing = false
        /// Whether the first query has been sent.
        var isAsked = false
        /// Whether the first query has been answered, with addresses or with an error.
        var isSettled = false
    }

    private static let startTimeout = -1

    private let loop: EventLoop
    private let source: NameSource
    private let say: (String) -> Void
    /// The names by their tags, which count up and are never used again.
    private var entries: [Int: Entry] = [:]
    private var lastTag = 0
    private var channel: NameChannel?
    private var timers: [Int: TimerID] = [:]
    private var settled: (() -> Void)?

    /// - Parameters:
    ///   - books: the books to fill; those without a name never change and are ignored.
    ///   - say: called with a message for the operator when a name begins or ceases to fail, or its addresses change.
    package init(
        loop: EventLoop,
        books: [AddressBook],
        source: NameSource = .system,
        say: @escaping (String) -> Void
    ) {
        self.loop = loop
        self.source = source
        self.say = say
        for book in books { add(book) }
    }

    private func add(_ book: AddressBook) {
        guard let name = book.name else { return }
        lastTag += 1
        entries[lastTag] = Entry(book: book, name: name)
    }

    /// Begins to resolve all names, or after `adopt` those that are new.
    ///
    /// - Parameters:
    ///   - timeout: how long to wait for first answers.
    ///   - settled: called once, when every name has resolved or failed or the timeout has passed; possibly before this
    ///     function returns.
    package func start(timeout: Nanoseconds, settled: @escaping () -> Void) {
        settle()
        guard entries.values.contains(where: { !$0.isSettled }) else {
            settled()
            return
        }
        self.settled = settled
        if channel == nil { channel = NameChannel(loop: loop, source: source) { [unowned self] in answered($0, $1) } }
        timers[Self.startTimeout] = loop.timers.schedule(
            at: loop.now + timeout,
            target: self,
            kind: Self.startTimeout
        )
        for (tag, entry) in entries.sorted(by: { $0.key < $1.key }) where !entry.isSettled && !entry.isAsked {
            ask(tag)
        }
    }

    /// Resolves the names of these books from now on, and no others; those that it has been resolving go on.
    ///
    /// `start` must follow; it waits for the names that are new.
    package func adopt(_ books: [AddressBook]) {
        let named = Set(books.map { ObjectIdentifier($0) })
        for (tag, entry) in entries where !named.contains(ObjectIdentifier(entry.book)) {
            entries[tag] = nil
            if let timer = timers.removeValue(forKey: tag) { loop.timers.cancel(timer) }
        }
        let known = Set(entries.values.map { ObjectIdentifier($0.book) })
        for book in books where !known.contains(ObjectIdentifier(book)) { add(book) }
    }

    /// Stops resolving; the books stay as they are.
    package func stop() {
        for timer in timers.values { loop.timers.cancel(timer) }
        timers = [:]
        channel?.close()
        channel = nil
        settled = nil
    }

    private func ask(_ tag: Int) {
        guard let entry = entries[tag] else { return }
        entries[tag]?.isAsked = true
        channel?.ask(entry.name, port: entry.book.port, tag: tag)
    }

    private func answered(_ tag: Int, _ result: Result<NameAnswer, NameError>) {
        // A name that is no longer wanted may be answered late.
        guard var entry = entries[tag] else { return }
        let seconds: Int
        switch result {
        case .success(let answer):
            found(answer.addresses, at: &entry)
            seconds = min(max(answer.secondsToLive, Self.secondsToLive.lowerBound), Self.secondsToLive.upperBound)
        case .failure(let error):
            failed(error.text, at: &entry)
            seconds = Self.wait(afterFailures: entry.failures)
            entry.failures += 1
        }
        entry.isSettled = true
        entries[tag] = entry
        timers[tag] = loop.timers.schedule(
            at: loop.now + Nanoseconds(seconds) * 1_000_000_000,
            target: self,
            kind: tag
        )
        if entries.values.allSatisfy(\.isSettled) { settle() }
    }

    private static func wait(afterFailures count: Int) -> Int {
        min(secondsToRetry.lowerBound << min(count, 8), secondsToRetry.upperBound)
    }

    private func found(_ addresses: [SocketAddress], at entry: inout Entry) {
        let wasEmpty = entry.book.addresses().isEmpty
        let isOther = entry.book.replace(with: addresses)
        entry.failures = 0
        // The first answer is the normal case, and is not reported.
        if entry.isFailing || isOther && !wasEmpty {
            let list = entry.book.addresses().map { "\($0)" }.joined(separator: ", ")
            say("\(entry.name) is at \(list)")
        }
        entry.isFailing = false
    }

    private func failed(_ why: String, at entry: inout Entry) {
        guard !entry.isFailing else { return }
        entry.isFailing = true
        let name = entry.name
        if entry.book.addresses().isEmpty {
            say("warning: cannot resolve \(name): \(why). Its executors are unreachable until it resolves")
        } else {
            say("warning: cannot resolve \(name) again: \(why). Its last addresses stay")
        }
    }

    private func settle() {
        if let timer = timers.removeValue(forKey: Self.startTimeout) { loop.timers.cancel(timer) }
        let last = settled
        settled = nil
        last?()
    }

    package func timerFired(_ kind: Int) {
        timers[kind] = nil
        guard kind == Self.startTimeout else {
            ask(kind)
            return
        }
        for tag in entries.keys.sorted() {
            guard var entry = entries[tag], !entry.isSettled else { continue }
            failed("no answer yet", at: &entry)
            entries[tag] = entry
        }
        settle()
    }
}
