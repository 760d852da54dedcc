// Counts the memory that one attempt uses for bytes of the executor's response that cannot be sent on yet.
internal import Transport

/// The memory that one attempt has charged to the account of the client's connection.
///
/// Confined to the worker of the attempt. `end` gives everything back, whichever way the attempt ends.
struct AnswerMemory {
    private let account: MemoryAccount
    /// The bytes charged for a response that is buffered until it is complete.
    private var answer = MemoryCharge()
    /// The bytes charged for an event of which only a part has arrived.
    private var piece = MemoryCharge()

    init(account: MemoryAccount) { self.account = account }

    /// Appends bytes to a response that is buffered until it is complete; if there is no memory, returns false.
    ///
    /// - Parameter expected: the announced length of the response in bytes; nil if unknown. The buffer exceeds this
    ///   length only if more bytes arrive.
    mutating func hold(_ bytes: Span<UInt8>, in held: inout [UInt8], expected: Int?) -> Bool {
        let needed = held.count + bytes.count
        if needed > held.capacity {
            var capacity = max(needed, held.capacity * 2, 4096)
            if let expected, expected >= needed { capacity = min(capacity, expected) }
            guard answer.grow(to: capacity, on: account) else { return false }
            held.reserveCapacity(capacity)
            answer.set(held.capacity, on: account)
        }
        held.append(bytes)
        return true
    }

    /// Gives back the memory of the buffered response, which has been passed on or dropped.
    mutating func letGoOfAnswer() { answer.set(0, on: account) }

    /// Charges `bytes` bytes for an event of which only a part has arrived; this replaces the previous charge for it.
    mutating func keepPiece(of bytes: Int) {
        if bytes != piece.bytes { piece.set(bytes, on: account) }
    }

    /// Gives back all memory that is charged; may be called again.
    mutating func end() {
        answer.set(0, on: account)
        piece.set(0, on: account)
    }
}
