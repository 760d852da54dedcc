// The keys that encrypt TLS session tickets. All workers share the keys, which outlive every SSL_CTX, so that a client
// can resume a session on any worker and after a reload.

internal import COpenSSL

/// The current ticket key and the two keys before it.
///
/// Every twelve hours a new key becomes the current one.
///
/// Safe to use from any thread.
@safe package final class TicketKeys: Sendable {
    /// How long the current key encrypts new tickets before a new key takes its place, in seconds.
    package static let period: Int64 = 12 * 60 * 60
    /// The lifetime of a ticket, in seconds.
    ///
    /// `Ring` drops a key only when all tickets that the key encrypted have expired.
    static let ticketLifetime = 2 * period
    private static let keptCount = 3

    /// One key in the 80-byte layout of nginx: 16 bytes of name, 32 of HMAC-SHA256 key, 32 of AES-256-CBC key.
    private struct Key {
        static let nameLength = 16, macLength = 32
        var bytes: [80 of UInt8]

        /// A fresh random key.
        init() {
            bytes = .init(repeating: 0)
            var span = bytes.mutableSpan
            unsafe span.withUnsafeMutableBytes { unsafe Randomness.fill($0) }
        }

        /// A key that another process has handed over; nil if `bytes` does not have 80 bytes.
        init?(_ bytes: [UInt8]) {
            guard bytes.count == 80 else { return nil }
            self.bytes = .init { bytes[$0] }
        }
    }

    private struct Ring {
        var keys: [Key]
        var started: Int64

        /// Adds a new key for each `period` that has passed since the current key became the current one, and keeps
        /// only the newest `keptCount` keys.
        mutating func advance(to now: Int64) {
            let due = (now - started) / TicketKeys.period
            guard due > 0 else { return }
            for _ in 0..<min(due, Int64(TicketKeys.keptCount)) { keys.insert(Key(), at: 0) }
            keys.removeLast(max(0, keys.count - TicketKeys.keptCount))
            started += due * TicketKeys.period
        }
    }

    private let ring: Lock<Ring>
    private let now: @Sendable () -> Int64
    // The cipher is fetched once, because OpenSSL 3 takes locks to look up an algorithm.
    // Sound because a fetched cipher is immutable and its reference count is atomic.
    nonisolated(unsafe) private let cipher: OpaquePointer

    /// Starts with one new key.
    ///
    /// - Parameter now: returns the time in seconds, by a clock that never goes back.
    package init(now: @escaping @Sendable () -> Int64) {
        guard let cipher = unsafe EVP_CIPHER_fetch(nil, "AES-256-CBC", nil) else { fatalError("OpenSSL without AES") }
        unsafe self.cipher = unsafe cipher
        self.now = now
        ring = Lock(Ring(keys: [Key()], started: now()))
    }

    deinit { unsafe EVP_CIPHER_free(cipher) }

    /// Sets up OpenSSL's cipher and MAC contexts to encrypt a ticket with the current key.
    ///
    /// - Returns: false when OpenSSL fails.
    func seal(
        name: UnsafeMutablePointer<UInt8>,
        iv: UnsafeMutablePointer<UInt8>,
        cipher context: OpaquePointer,
        mac: OpaquePointer
    ) -> Bool {
        let key = current().first!
        guard unsafe RAND_bytes(iv, EVP_MAX_IV_LENGTH) == 1 else { return false }
        let bytes = key.bytes.span
        for index in 0..<Key.nameLength { unsafe name[index] = bytes[index] }
        return unsafe start(key, iv: iv, cipher: context, mac: mac, encrypt: true)
    }

    enum Opened { case unknown, current, older, failed }

    /// Sets up OpenSSL's cipher and MAC contexts to decrypt a ticket, if the key of the ticket is still kept.
    func open(
        name: UnsafePointer<UInt8>,
        iv: UnsafePointer<UInt8>,
        cipher context: OpaquePointer,
        mac: OpaquePointer
    ) -> Opened {
        let keys = current()
        let found = keys.firstIndex { key in
            let bytes = key.bytes.span
            return (0..<Key.nameLength).allSatisfy { unsafe name[$0] == bytes[$0] }
        }
        guard let found else { return .unknown }
        guard unsafe start(keys[found], iv: iv, cipher: context, mac: mac, encrypt: false) else { return .failed }
        return found == 0 ? .current : .older
    }

    // MARK: Other processes

    /// A copy of the keys to hand over to another process.
    ///
    /// The record contains an age instead of a time, so that the clocks of the two processes need not agree.
    package struct Record: Equatable, Sendable {
        /// The current key and the keys before it, 80 bytes each.
        package var keys: [[UInt8]]
        /// For how long the first key in `keys` has been the current key, in seconds; at least 0.
        package var age: Int64

        /// Makes a record of keys.
        package init(keys: [[UInt8]], age: Int64) {
            self.keys = keys
            self.age = age
        }
    }

    /// Returns a copy of the keys, to hand over to another process.
    package func record() -> Record {
        let now = now()
        return ring.withLock { ring in
            ring.advance(to: now)
            let keys = ring.keys.map { key in (0..<80).map { key.bytes[$0] } }
            return Record(keys: keys, age: max(0, now - ring.started))
        }
    }

    /// Replaces the keys by the keys of another process, so that clients can resume sessions of that process here.
    ///
    /// The other process must have made the record just before, because its age is taken as the present age of the
    /// current key.
    ///
    /// - Returns: false, and changes nothing, unless the record has 1 to 3 keys of 80 bytes and an age of 0 or more.
    package func restore(_ record: Record) -> Bool {
        let keys = record.keys.compactMap { Key($0) }
        guard keys.count == record.keys.count, (1...Self.keptCount).contains(keys.count), record.age >= 0 else {
            return false
        }
        let started = now() - min(record.age, Self.period)
        ring.withLock { $0 = Ring(keys: keys, started: started) }
        return true
    }

    private func current() -> [Key] {
        let now = now()
        return ring.withLock { ring in
            ring.advance(to: now)
            return ring.keys
        }
    }

    private func start(
        _ key: Key,
        iv: UnsafePointer<UInt8>,
        cipher context: OpaquePointer,
        mac: OpaquePointer,
        encrypt: Bool
    ) -> Bool {
        let span = key.bytes.span
        return unsafe span.withUnsafeBufferPointer { bytes in
            let macKey = unsafe bytes.baseAddress! + Key.nameLength
            let cipherKey = unsafe macKey + Key.macLength
            return unsafe copenssl_ticket_init(
                context,
                mac,
                cipher,
                cipherKey,
                macKey,
                Key.macLength,
                iv,
                encrypt ? 1 : 0
            ) == 1
        }
    }
}

/// OpenSSL's ticket callback: supplies the key to encrypt a ticket (if `encrypt` is 1) or to decrypt one.
///
/// - Returns: 0 for an unknown key, -1 for an error, 1 for success, 2 for success if the client needs a new ticket.
func ticketKeyCallback(
    ssl: OpaquePointer?,
    name: UnsafeMutablePointer<UInt8>?,
    iv: UnsafeMutablePointer<UInt8>?,
    cipher: OpaquePointer?,
    mac: OpaquePointer?,
    encrypt: CInt
) -> CInt {
    guard let ssl = unsafe ssl, let name = unsafe name, let iv = unsafe iv, let cipher = unsafe cipher,
        let mac = unsafe mac, let keys = unsafe copenssl_SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl))
    else { return -1 }
    // Sound because the connection retains its TLSContext, and the context retains the keys.
    return unsafe Unmanaged<TicketKeys>.fromOpaque(keys)._withUnsafeGuaranteedRef { keys in
        guard encrypt == 0 else {
            return unsafe keys.seal(name: name, iv: iv, cipher: cipher, mac: mac) ? 1 : -1
        }
        switch unsafe keys.open(name: name, iv: iv, cipher: cipher, mac: mac) {
        case .unknown: return 0
        case .failed: return -1
        case .older: return 2
        // With the result 2, OpenSSL sends the client a new ticket. A client should use a TLS 1.3 ticket only once (RFC
        // 8446 section C.4).
        case .current: return unsafe SSL_version(ssl) == TLS1_3_VERSION ? 2 : 1
        }
    }
}
