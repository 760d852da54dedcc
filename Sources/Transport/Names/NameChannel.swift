// Runs the DNS library c-ares on an event loop. The loop watches the sockets of c-ares, and has one timer for the
// timeouts of c-ares.
internal import CCares
internal import CLinux
internal import Glibc

/// What a name resolves to.
struct NameAnswer {
    /// IPv4 and IPv6 addresses, sorted by RFC 6724: the addresses that this host should try first come first.
    var addresses: [SocketAddress] = []
    /// The SRV records with the lowest priority number; none in an answer about the addresses of a host.
    var services: [ServiceRecord] = []
    /// The shortest TTL of the records, in seconds; 0 for an answer from `/etc/hosts`.
    var secondsToLive: Int
}

/// Why a name did not resolve.
struct NameError: Error {
    /// The status code of c-ares, such as `ARES_ENOTFOUND`.
    var code: CInt
    /// The error if an answer contains no record that can be used.
    static let noData = NameError(code: ARES_ENODATA)

    /// The text in which c-ares describes the status code.
    var text: String { unsafe String(cString: ares_strerror(code)) }
}

/// The name servers to query, the number of tries at each server, and the timeout of a try.
package struct NameSource: Sendable {
    /// Name servers in the form of c-ares (`host:port,...`); nil for the name servers of `/etc/resolv.conf`.
    fileprivate var servers: String?
    /// The timeout of the first try at each server; c-ares doubles it for each further try.
    fileprivate var timeoutMilliseconds: CInt = 2000
    fileprivate var tries: CInt = 3

    /// The name servers of the system, three tries at each, with a timeout of 2 s for the first.
    package static let system = NameSource()

    /// The name servers of a test, in the form of c-ares (`host:port,...`).
    package static func serversForTest(_ servers: String, timeoutMilliseconds: Int32, tries: Int32) -> NameSource {
        NameSource(servers: servers, timeoutMilliseconds: timeoutMilliseconds, tries: tries)
    }
}

/// Resolves names with c-ares.
///
/// Confined to its loop's thread. The c-ares channel (c-ares's handle with its sockets) is open only while there are
/// unanswered queries. So c-ares reads `/etc/resolv.conf` and related files anew for later queries, and holds no
/// socket between queries.
///
/// `close` must be called before the object is released.
@safe
final class NameChannel: TimerTarget {
    private let loop: EventLoop
    private let source: NameSource
    private let answered: (_ tag: Int, Result<NameAnswer, NameError>) -> Void
    private var raw: ares_channel?
    private var sockets: [CInt: NameSocket] = [:]
    private var timer: TimerID?
    /// The number of queries whose answers have not been passed to the closure `answered`.
    private var asking = 0
    /// Answers that arrived during a call into c-ares and are passed to `answered` after it.
    ///
    /// The closure `answered` may close this object, which must not happen inside a call into c-ares.
    private var answers: [(tag: Int, result: Result<NameAnswer, NameError>)] = []
    /// Whether a call into c-ares is in progress, during which the channel must not be closed.
    private var isInside = false

    private static let libraryStatus = ares_library_init(ARES_LIB_INIT_ALL)

    /// - Parameter answered: called once for each query that `close` does not cancel, possibly before `ask` returns.
    init(
        loop: EventLoop,
        source: NameSource,
        answered: @escaping (_ tag: Int, Result<NameAnswer, NameError>) -> Void
    ) {
        precondition(Self.libraryStatus == 0, "ares_library_init failed")
        self.loop = loop
        self.source = source
        self.answered = answered
    }

    deinit { unsafe precondition(raw == nil, "a NameChannel goes without having been closed") }

    /// Asks for the addresses of a host; the initializer's `answered` closure gets the answer with `tag`.
    ///
    /// - Parameter port: the port of the addresses in the answer; nil if the caller ignores the port.
    func ask(_ host: String, port: UInt16?, tag: Int) {
        unsafe send(tag) { raw, question in
            var hints = ares_addrinfo_hints()
            hints.ai_family = AF_UNSPEC
            hints.ai_socktype = clinux_SOCK_STREAM_FLAGS
            hints.ai_flags = ARES_AI_NUMERICSERV
            unsafe ares_getaddrinfo(raw, host, port.map { String($0) }, &hints, onAnswer, question)
        }
    }

    /// Asks for the SRV records of a service; the initializer's `answered` closure gets the answer with `tag`.
    func ask(service name: String, tag: Int) {
        unsafe send(tag) { raw, question in
            let (kind, type) = (CInt(ServiceAnswer.classInternet), CInt(ServiceAnswer.typeSRV))
            unsafe ares_search(raw, name, kind, type, onServices, question)
        }
    }

    private func send(_ tag: Int, _ query: (ares_channel, _ question: UnsafeMutableRawPointer) -> Void) {
        asking += 1
        let status = open()
        guard status == ARES_SUCCESS else {
            answer(tag, .failure(NameError(code: status)))
            settle()
            return
        }
        unsafe enter { raw in
            unsafe query(raw, Unmanaged.passRetained(Question(channel: self, tag: tag)).toOpaque())
        }
    }

    /// Cancels all queries; `answered` is not called for them.
    func close() {
        precondition(!isInside, "c-ares is closed inside a call of its own")
        if let timer { loop.timers.cancel(timer) }
        timer = nil
        guard let raw = unsafe raw else { return }
        unsafe self.raw = nil
        isInside = true
        // `ares_destroy` calls `onAnswer` or `onServices` for each unanswered query, and `onSocket` for each socket.
        unsafe ares_destroy(raw)
        isInside = false
        answers = []
        asking = 0
    }

    private func open() -> CInt {
        guard unsafe raw == nil else { return ARES_SUCCESS }
        var options = unsafe ares_options()
        unsafe options.sock_state_cb = onSocket
        unsafe options.sock_state_cb_data = Unmanaged.passUnretained(self).toOpaque()
        unsafe options.timeout = source.timeoutMilliseconds
        unsafe options.tries = source.tries
        var made: ares_channel?
        let mask = ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES
        var status = unsafe ares_init_options(&made, &options, mask)
        guard status == ARES_SUCCESS, let channel = unsafe made else { return status }
        if let servers = source.servers {
            status = unsafe ares_set_servers_ports_csv(channel, servers)
            precondition(status == ARES_SUCCESS, "no list of servers: \(servers)")
        }
        unsafe raw = channel
        return status
    }

    /// Makes a call into c-ares, and then passes the answers that arrived during the call to `answered`.
    ///
    /// Every call on an open c-ares channel uses this function, except the call that closes the channel.
    private func enter(_ body: (ares_channel) -> Void) {
        guard let raw = unsafe raw else { return }
        precondition(!isInside, "c-ares is not entered from inside")
        isInside = true
        unsafe body(raw)
        isInside = false
        settle()
    }

    /// Passes the answers that arrived during a call into c-ares to `answered`, and sets the timer for the next timeout
    /// of the unanswered queries.
    ///
    /// If all queries are answered, the function closes the c-ares channel and sets no timer.
    private func settle() {
        let news = answers
        answers = []
        asking -= news.count
        if asking == 0 {
            close()
        } else if let raw = unsafe raw {
            var wait = timeval()
            if let timer { loop.timers.cancel(timer) }
            timer = nil
            if unsafe ares_timeout(raw, nil, &wait) != nil {
                let due = Nanoseconds(wait.tv_sec) * 1_000_000_000 + Nanoseconds(wait.tv_usec) * 1000
                // The timer fires 1 ms later than c-ares asks, so that c-ares then finds the timeout expired.
                timer = loop.timers.schedule(at: loop.now + due + 1_000_000, target: self, kind: 0)
            }
        }
        for (tag, result) in news { answered(tag, result) }
    }

    // MARK: Events of c-ares and the loop

    func timerFired(_ kind: Int) {
        timer = nil
        unsafe enter { raw in unsafe ares_process_fd(raw, ARES_SOCKET_BAD, ARES_SOCKET_BAD) }
    }

    fileprivate func ready(_ descriptor: CInt, events: UInt32) {
        unsafe enter { raw in
            // A socket with an error or a hangup is reported to c-ares as readable, because c-ares detects both when it
            // reads.
            let reading = events & ~clinux_EPOLLOUT != 0 ? descriptor : ARES_SOCKET_BAD
            let writing = events & clinux_EPOLLOUT != 0 ? descriptor : ARES_SOCKET_BAD
            unsafe ares_process_fd(raw, reading, writing)
        }
    }

    fileprivate func watch(_ descriptor: CInt, reading: Bool, writing: Bool) {
        let events = (reading ? clinux_EPOLLIN : 0) | (writing ? clinux_EPOLLOUT : 0)
        if let socket = sockets[descriptor] {
            if events != 0 {
                loop.modify(socket.registration!, descriptor: descriptor, events: events)
            } else {
                sockets[descriptor] = nil
                loop.unregister(socket.registration!, descriptor: descriptor)
                socket.channel = nil
            }
        } else if events != 0 {
            let socket = NameSocket(descriptor: descriptor, channel: self)
            // If epoll cannot watch the socket, no answer is noticed, and the timeout of c-ares ends the query.
            socket.registration = try? loop.register(socket, descriptor: descriptor, events: events)
            if socket.registration != nil { sockets[descriptor] = socket }
        }
    }

    fileprivate func answer(_ tag: Int, _ result: Result<NameAnswer, NameError>) { answers.append((tag, result)) }
}

/// A socket of c-ares that the loop watches.
private final class NameSocket: Registered {
    let descriptor: CInt
    var channel: NameChannel?
    var registration: SlabKey?

    init(descriptor: CInt, channel: NameChannel) {
        self.descriptor = descriptor
        self.channel = channel
    }

    func ready(_ events: UInt32) { channel?.ready(descriptor, events: events) }
}

/// One query: the `NameChannel` that sends it, and the number (`tag`) that the caller of `ask` gave it.
///
/// c-ares passes this object to the callback that receives the answer.
private final class Question {
    let channel: NameChannel
    let tag: Int
    init(channel: NameChannel, tag: Int) {
        self.channel = channel
        self.tag = tag
    }
}

private let onSocket: ares_sock_state_cb = { context, descriptor, readable, writable in
    let channel = unsafe Unmanaged<NameChannel>.fromOpaque(context!).takeUnretainedValue()
    channel.watch(descriptor, reading: readable != 0, writing: writable != 0)
}

private let onAnswer: ares_addrinfo_callback = { context, status, _, found in
    let question = unsafe Unmanaged<Question>.fromOpaque(context!).takeRetainedValue()
    guard status == ARES_SUCCESS, let found = unsafe found else {
        question.channel.answer(question.tag, .failure(NameError(code: status)))
        return
    }
    defer { unsafe ares_freeaddrinfo(found) }
    let answer = unsafe NameAnswer(found)
    let result: Result<NameAnswer, NameError> =
        answer.addresses.isEmpty ? .failure(NameError(code: ARES_ENODATA)) : .success(answer)
    question.channel.answer(question.tag, result)
}

private let onServices: ares_callback = { context, status, _, message, length in
    let question = unsafe Unmanaged<Question>.fromOpaque(context!).takeRetainedValue()
    guard status == ARES_SUCCESS, let message = unsafe message else {
        question.channel.answer(question.tag, .failure(NameError(code: status == ARES_SUCCESS ? ARES_ENODATA : status)))
        return
    }
    let bytes = unsafe Array(UnsafeBufferPointer(start: message, count: Int(length)))
    question.channel.answer(question.tag, NameAnswer.services(in: bytes))
}

extension NameAnswer {
    /// Reads the SRV records of a DNS message; returns a failure if the message is malformed or names no server.
    fileprivate static func services(in message: [UInt8]) -> Result<NameAnswer, NameError> {
        guard let answer = ServiceAnswer(message: message) else { return .failure(NameError(code: ARES_EBADRESP)) }
        let preferred = answer.preferred
        guard !preferred.isEmpty else { return .failure(.noData) }
        return .success(NameAnswer(services: preferred, secondsToLive: answer.secondsToLive))
    }

    @unsafe fileprivate init(_ found: UnsafeMutablePointer<ares_addrinfo>) {
        addresses = []
        var seconds = Int.max
        var next = unsafe found.pointee.nodes
        while let node = unsafe next {
            unsafe next = node.pointee.ai_next
            seconds = unsafe min(seconds, Int(node.pointee.ai_ttl))
            let length = unsafe Int(node.pointee.ai_addrlen)
            var storage = sockaddr_storage()
            guard unsafe node.pointee.ai_addr != nil, length <= MemoryLayout<sockaddr_storage>.size else { continue }
            unsafe withUnsafeMutableBytes(of: &storage) {
                unsafe $0.copyMemory(from: UnsafeRawBufferPointer(start: node.pointee.ai_addr, count: length))
            }
            let address = SocketAddress(storage: storage, length: socklen_t(length))
            if !addresses.contains(address) { addresses.append(address) }
        }
        var alias = unsafe found.pointee.cnames
        while let name = unsafe alias {
            unsafe alias = name.pointee.next
            seconds = unsafe min(seconds, Int(name.pointee.ttl))
        }
        secondsToLive = addresses.isEmpty ? 0 : max(0, seconds)
    }
}
