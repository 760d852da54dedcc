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
        /// Whether the first query has been answered, with addresses or with an error.
        var isSettled = false
    }

    private static let startTimeout = -1

    private let loop: EventLoop
    private let source: NameSource
    private let say: (String) -> Void
    private var entries: [Entry]
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
        entries = books.compactMap { book in book.name.map { Entry(book: book, name: $0) } }
    }

    /// Begins to resolve all names.
    ///
    /// - Parameters:
    ///   - timeout: how long to wait for first answers.
    ///   - settled: called once, when every name has resolved or failed or the timeout has passed; possibly before this
    ///     function returns.
    package func start(timeout: Nanoseconds, settled: @escaping () -> Void) {
        guard !entries.isEmpty else {
            settled()
            return
        }
        self.settled = settled
        channel = NameChannel(loop: loop, source: source) { [unowned self] in answered($0, $1) }
        timers[Self.startTimeout] = loop.timers.schedule(
            at: loop.now + timeout,
            target: self,
            kind: Self.startTimeout
        )
        for index in entries.indices { ask(index) }
    }

    /// Stops resolving; the books stay as they are.
    package func stop() {
        for timer in timers.values { loop.timers.cancel(timer) }
        timers = [:]
        channel?.close()
        channel = nil
        settled = nil
    }

    private func ask(_ index: Int) { channel?.ask(entries[index].name, port: entries[index].book.port, tag: index) }

    private func answered(_ index: Int, _ result: Result<NameAnswer, NameError>) {
        let seconds: Int
        switch result {
        case .success(let answer):
            found(answer.addresses, at: index)
            seconds = min(max(answer.secondsToLive, Self.secondsToLive.lowerBound), Self.secondsToLive.upperBound)
        case .failure(let error):
            failed(error.text, at: index)
            seconds = Self.wait(afterFailures: entries[index].failures)
            entries[index].failures += 1
        }
        entries[index].isSettled = true
        timers[index] = loop.timers.schedule(
            at: loop.now + Nanoseconds(seconds) * 1_000_000_000,
            target: self,
            kind: index
        )
        if entries.allSatisfy(\.isSettled) { settle() }
    }

    private static func wait(afterFailures count: Int) -> Int {
        min(secondsToRetry.lowerBound << min(count, 8), secondsToRetry.upperBound)
    }

    private func found(_ addresses: [SocketAddress], at index: Int) {
        let wasEmpty = entries[index].book.addresses().isEmpty
        let isOther = entries[index].book.replace(with: addresses)
        entries[index].failures = 0
        // The first answer is the normal case, and is not reported.
        if entries[index].isFailing || isOther && !wasEmpty {
            let list = entries[index].book.addresses().map { "\($0)" }.joined(separator: ", ")
            say("\(entries[index].name) is at \(list)")
        }
        entries[index].isFailing = false
    }

    private func failed(_ why: String, at index: Int) {
        guard !entries[index].isFailing else { return }
        entries[index].isFailing = true
        let name = entries[index].name
        if entries[index].book.addresses().isEmpty {
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
        for index in entries.indices where !entries[index].isSettled { failed("no answer yet", at: index) }
        settle()
    }
}
