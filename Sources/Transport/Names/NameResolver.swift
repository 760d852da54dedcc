// Keeps address books up to date: asks for each name at start and again whenever its answer has grown old.

/// Resolves the names of executors, on the control thread's loop.
///
/// Nothing waits for it: a slow name server delays new addresses and nothing else.
package final class NameResolver: TimerTarget {
    /// An answer is asked for again after its TTL, but within these: c-ares tells no TTL of `/etc/hosts`, which is read
    /// again after the shorter.
    package static let secondsToLive = 5...300
    /// After a failure, doubled each time up to the longer.
    package static let secondsToRetry = 5...60

    private struct Entry {
        let book: AddressBook
        let name: String
        var failures = 0
        /// The trouble has been told, and its end has not.
        var isTroubled = false
        var isSettled = false
    }

    private static let patienceOver = -1

    private let loop: EventLoop
    private let source: NameSource
    private let say: (String) -> Void
    private var entries: [Entry]
    private var channel: NameChannel?
    private var timers: [Int: TimerID] = [:]
    private var settled: (() -> Void)?

    /// - Parameters:
    ///   - books: those without a name need no resolver, and are left alone.
    ///   - say: hears what an operator should know, when it changes.
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

    /// Asks for every name.
    ///
    /// - Parameter settled: called once, when each name has been answered for or refused, or `patience` is over; perhaps
    ///   inside this call.
    package func start(patience: Nanoseconds, settled: @escaping () -> Void) {
        guard !entries.isEmpty else {
            settled()
            return
        }
        self.settled = settled
        channel = NameChannel(loop: loop, source: source) { [unowned self] in answered($0, $1) }
        timers[Self.patienceOver] = loop.timers.schedule(
            at: loop.now + patience,
            target: self,
            kind: Self.patienceOver
        )
        for place in entries.indices { ask(place) }
    }

    /// Ends it: the books stay as they are.
    package func stop() {
        for timer in timers.values { loop.timers.cancel(timer) }
        timers = [:]
        channel?.close()
        channel = nil
        settled = nil
    }

    private func ask(_ place: Int) { channel?.ask(entries[place].name, port: entries[place].book.port, tag: place) }

    private func answered(_ place: Int, _ result: Result<NameAnswer, NameError>) {
        let seconds: Int
        switch result {
        case .success(let answer):
            found(answer.addresses, at: place)
            seconds = min(max(answer.secondsToLive, Self.secondsToLive.lowerBound), Self.secondsToLive.upperBound)
        case .failure(let error):
            trouble(error.text, at: place)
            seconds = Self.wait(afterFailures: entries[place].failures)
            entries[place].failures += 1
        }
        entries[place].isSettled = true
        timers[place] = loop.timers.schedule(
            at: loop.now + Nanoseconds(seconds) * 1_000_000_000,
            target: self,
            kind: place
        )
        if entries.allSatisfy(\.isSettled) { settle() }
    }

    private static func wait(afterFailures count: Int) -> Int {
        min(secondsToRetry.lowerBound << min(count, 8), secondsToRetry.upperBound)
    }

    private func found(_ addresses: [SocketAddress], at place: Int) {
        let wasEmpty = entries[place].book.addresses().isEmpty
        let isOther = entries[place].book.replace(with: addresses)
        entries[place].failures = 0
        // A first answer is what everybody expects: nothing to tell of.
        if entries[place].isTroubled || isOther && !wasEmpty {
            let list = entries[place].book.addresses().map { "\($0)" }.joined(separator: ", ")
            say("\(entries[place].name) is at \(list)")
        }
        entries[place].isTroubled = false
    }

    private func trouble(_ why: String, at place: Int) {
        guard !entries[place].isTroubled else { return }
        entries[place].isTroubled = true
        let name = entries[place].name
        if entries[place].book.addresses().isEmpty {
            say("warning: cannot resolve \(name): \(why). Its executors are unreachable until it resolves")
        } else {
            say("warning: cannot resolve \(name) again: \(why). Its last addresses stay")
        }
    }

    private func settle() {
        if let timer = timers.removeValue(forKey: Self.patienceOver) { loop.timers.cancel(timer) }
        let last = settled
        settled = nil
        last?()
    }

    package func timerFired(_ kind: Int) {
        timers[kind] = nil
        guard kind == Self.patienceOver else {
            ask(kind)
            return
        }
        for place in entries.indices where !entries[place].isSettled { trouble("no answer yet", at: place) }
        settle()
    }
}
