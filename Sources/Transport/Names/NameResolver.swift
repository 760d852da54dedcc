// Keeps the addresses in every `AddressBook` and `AddressList` up to date: resolves the name of the book or list at the
// start, and again each time the TTL of the last answer has passed.

/// Resolves the host names of executors, the model servers to which requests go.
///
/// Confined to the control thread's loop. No request waits for the resolver: a slow name server only delays the use of
/// new addresses.
package final class NameResolver: TimerTarget {
    /// The range into which the TTL of an answer is clamped, in seconds.
    ///
    /// An answer from `/etc/hosts` has no TTL and expires after the lower bound.
    package static let secondsToLive = 5...300
    /// The delay before a failed query is repeated, in seconds.
    ///
    /// The delay is the lower bound after the first failure, and doubles with each further failure, up to the upper
    /// bound.
    static let secondsToRetry = 5...60

    /// The address book or the address list in which the resolver stores the addresses of a name.
    private enum Target {
        case book(AddressBook)
        case list(AddressList)

        var identity: ObjectIdentifier {
            switch self {
            case .book(let book): ObjectIdentifier(book)
            case .list(let list): ObjectIdentifier(list)
            }
        }
    }

    private struct Entry {
        let target: Target
        let lookup: NameLookup
        /// For a service (SRV), its servers with their addresses; unused for a host.
        var service = ServiceAddresses()
        /// Whether the last answer had too many addresses; a warning is logged only when the value becomes true.
        var isOverfull = false
        var failures = 0
        /// Whether the last query failed; of several failures in a row, only the first is reported.
        var isFailing = false
        /// Whether the first query has been sent.
        var isAsked = false
        /// Whether `start` no longer waits for this name, because the first query has ended or the timeout has passed.
        var isSettled = false
    }

    private static let startTimeout = -1

    private let loop: EventLoop
    private let source: NameSource
    private let say: (String) -> Void
    /// The names to resolve, by tag.
    ///
    /// A tag is a number that `NameChannel` passes back with the answer to a query. No tag is used for two names.
    private var entries: [Int: Entry] = [:]
    private var lastTag = 0
    private var channel: NameChannel?
    private var timers: [Int: TimerID] = [:]
    /// The queries for the addresses of the servers of services (SRV targets) that are not answered yet, by the tag of
    /// the query.
    ///
    /// `service` is the tag of the service in `entries`.
    private var servers: [Int: (service: Int, name: String)] = [:]
    private var settled: (() -> Void)?

    /// - Parameters:
    ///   - books: the address books in which the resolver stores addresses; books without a name never change and are
    ///     ignored.
    ///   - lists: the address lists in which the resolver stores addresses.
    ///   - say: called with a message for the operator when a name begins to fail or resolves again, when the addresses
    ///     in a book change, and when a name has more addresses than its list can hold.
    package init(
        loop: EventLoop,
        books: [AddressBook],
        lists: [AddressList] = [],
        source: NameSource = .system,
        say: @escaping (String) -> Void
    ) {
        self.loop = loop
        self.source = source
        self.say = say
        adopt(books, lists)
    }

    private static func entries(_ books: [AddressBook], _ lists: [AddressList]) -> [Entry] {
        books.compactMap { book in
            book.name.map { Entry(target: .book(book), lookup: NameLookup(host: $0, port: book.port)) }
        } + lists.map { Entry(target: .list($0), lookup: $0.lookup) }
    }

    private func nextTag() -> Int {
        lastTag += 1
        return lastTag
    }

    /// Begins to resolve all names that have not been queried yet.
    ///
    /// - Parameters:
    ///   - timeout: the longest wait for first answers, in nanoseconds.
    ///   - settled: called once, when every name has resolved or failed or when the timeout has passed; possibly before
    ///     this function returns.
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

    /// Replaces the address books and address lists in which the resolver stores addresses.
    ///
    /// A book or list that was among them before keeps its schedule of queries. The caller must call `start` next,
    /// which resolves the new names.
    package func adopt(_ books: [AddressBook], _ lists: [AddressList] = []) {
        let wanted = Self.entries(books, lists)
        let named = Set(wanted.map(\.target.identity))
        for (tag, entry) in entries where !named.contains(entry.target.identity) {
            entries[tag] = nil
            if let timer = timers.removeValue(forKey: tag) { loop.timers.cancel(timer) }
        }
        let known = Set(entries.values.map(\.target.identity))
        for entry in wanted where !known.contains(entry.target.identity) { entries[nextTag()] = entry }
    }

    /// Stops resolving; the books and lists keep their addresses.
    package func stop() {
        for timer in timers.values { loop.timers.cancel(timer) }
        timers = [:]
        channel?.close()
        channel = nil
        servers = [:]
        settled = nil
    }

    private func ask(_ tag: Int) {
        guard let entry = entries[tag] else { return }
        entries[tag]?.isAsked = true
        if entry.lookup.isService {
            channel?.ask(service: entry.lookup.name, tag: tag)
        } else {
            channel?.ask(entry.lookup.name, port: entry.lookup.port, tag: tag)
        }
    }

    private func answered(_ tag: Int, _ result: Result<NameAnswer, NameError>) {
        if let server = servers.removeValue(forKey: tag) {
            // If `adopt` has removed the service (SRV) in the meantime, the answer about its server is ignored.
            guard entries[server.service] != nil else { return }
            entries[server.service]?.service.answered(server.name, result)
            endService(server.service)
            return
        }
        guard let entry = entries[tag] else { return }
        switch result {
        case .success(let answer) where entry.lookup.isService: askServers(of: tag, answer)
        case .success(let answer): end(tag, .success(found(answer, entry)))
        case .failure(let error): end(tag, .failure(error))
        }
    }

    /// Queries the addresses of the servers of a service (SRV targets), each server once.
    private func askServers(of tag: Int, _ answer: NameAnswer) {
        let names = entries[tag]?.service.begin(answer) ?? []
        for name in names {
            let part = nextTag()
            servers[part] = (tag, name)
            // No port is needed, because the SRV record contains the port.
            channel?.ask(name, port: nil, tag: part)
        }
    }

    /// Stores the addresses of a service, if the queries for all its servers have been answered.
    private func endService(_ tag: Int) {
        guard let result = entries[tag]?.service.result else { return }
        end(tag, result)
    }

    private func found(_ answer: NameAnswer, _ entry: Entry) -> FoundAddresses {
        let port = entry.lookup.port
        return FoundAddresses(
            inOrder: answer.addresses,
            weighted: answer.addresses.map { WeightedAddress(ResolvedAddress(host: $0.host, port: port)) },
            secondsToLive: answer.secondsToLive
        )
    }

    /// Stores the result for a name, and schedules the next query for the name.
    private func end(_ tag: Int, _ result: Result<FoundAddresses, NameError>) {
        guard var entry = entries[tag] else { return }
        let seconds: Int
        var changed: (() -> Void)?
        switch result {
        case .success(let found):
            changed = take(found, at: &entry)
            seconds = min(max(found.secondsToLive, Self.secondsToLive.lowerBound), Self.secondsToLive.upperBound)
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
        changed?()
        if entries.values.allSatisfy(\.isSettled) { settle() }
    }

    private static func wait(afterFailures count: Int) -> Int {
        min(secondsToRetry.lowerBound << min(count, 8), secondsToRetry.upperBound)
    }

    /// Stores the addresses of a name in the `AddressBook` or `AddressList` of the name.
    ///
    /// - Returns: the closure `changed` of the `AddressList`, if its addresses have changed; otherwise nil. The caller
    ///   must store the entry before it calls the closure.
    private func take(_ found: FoundAddresses, at entry: inout Entry) -> (() -> Void)? {
        let name = entry.lookup.name
        let wasFailing = entry.isFailing
        entry.failures = 0
        entry.isFailing = false
        switch entry.target {
        case .book(let book):
            let wasEmpty = book.addresses().isEmpty
            let isOther = book.replace(with: found.inOrder)
            // A first answer without an earlier failure is the normal case, and is not reported.
            if wasFailing || isOther && !wasEmpty {
                say("\(name) is at \(book.addresses().map { "\($0)" }.joined(separator: ", "))")
            }
            return nil
        case .list(let list):
            let isOther = list.replace(with: found.weighted)
            // The owner of the list reports changed addresses, so the resolver does not report them.
            if wasFailing { say("\(name) resolves again, to \(list.addresses.count) addresses") }
            if list.leftOut > 0, !entry.isOverfull {
                let most = AddressList.addressesMax
                say("warning: \(name) has \(most + list.leftOut) addresses, of which \(most) are used")
            }
            entry.isOverfull = list.leftOut > 0
            return isOther ? list.changed : nil
        }
    }

    private func failed(_ why: String, at entry: inout Entry) {
        guard !entry.isFailing else { return }
        entry.isFailing = true
        let name = entry.lookup.name
        let isEmpty =
            switch entry.target {
            case .book(let book): book.addresses().isEmpty
            case .list(let list): list.addresses.isEmpty
            }
        if isEmpty {
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
            // No later call of `start` waits for this name. Its answer is still stored when it comes.
            entry.isSettled = true
            entries[tag] = entry
        }
        settle()
    }
}
