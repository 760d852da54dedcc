// The memory that one attempt is charged for the part of a response that it keeps.
internal import Transport

/// The charges of one attempt against the account of the client's connection.
///
/// Confined to the worker of the attempt. `end` gives everything back, whichever way the attempt ends.
struct AnswerMemory {
    private let account: MemoryAccount
    /// For a response that is held until it is complete.
    private var answer = MemoryCharge()
    /// For the part of an event that is not complete.
    private var piece = MemoryCharge()

    init(account: MemoryAccount) { self.account = account }

    /// Appends to a response that is held until it is complete; false, and nothing appended, where there is no memory.
    ///
    /// - Parameter expected: the response's own length in bytes where it has given one; the buffer grows no further.
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

    /// Gives back the charge for the held response, which has been sent on or dropped.
    mutating func letGoOfAnswer() { answer.set(0, on: account) }

    /// Charges so many bytes of an event that is not complete, in place of what was charged for one before.
    mutating func keepPiece(of bytes: Int) {
        if bytes != piece.bytes { piece.set(bytes, on: account) }
    }

    /// Gives back everything that is charged; may be called again.
    mutating func end() {
        answer.set(0, on: account)
        piece.set(0, on: account)
    }
}
