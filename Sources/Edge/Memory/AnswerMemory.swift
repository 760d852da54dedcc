// What one attempt is charged for the part of an answer that it keeps, to the account of the client's connection.
internal import Transport

/// Confined to the worker of its attempt; given back once, whichever way the attempt ends.
struct AnswerMemory {
    private let account: MemoryAccount
    private var answer = MemoryCharge()
    private var piece = MemoryCharge()

    init(account: MemoryAccount) { self.account = account }

    /// Appends to an answer that is held until it is whole; false, and nothing appended, when there is no room for it.
    ///
    /// - Parameter expected: how long the answer says that it is, in bytes; its buffer never grows beyond it.
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

    /// The held answer has gone, to the client's output or for good.
    mutating func letGoOfAnswer() { answer.set(0, on: account) }

    /// So many bytes of an event that is not whole yet are kept.
    mutating func keepPiece(of bytes: Int) {
        if bytes != piece.bytes { piece.set(bytes, on: account) }
    }

    /// Gives back whatever is charged; may be called again.
    mutating func end() {
        answer.set(0, on: account)
        piece.set(0, on: account)
    }
}
