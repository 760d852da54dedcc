// The `x-request-id` of a request: the client's own if it is well-formed, otherwise a new UUID.
internal import HTTP
internal import Transport

/// Finds or makes request ids; confined to its worker.
///
/// New ids are UUIDs, because some executors (llama-cpp-python) answer 400 to an `x-request-id` that is not a UUID.
struct RequestIDSource {
    private var state: UInt64

    /// Seeds the generator with a random number from the system.
    init() {
        state = UInt64.random(in: .min ... .max)
    }

    /// Seeds the generator with a given number, for tests.
    init(seed: UInt64) {
        state = seed
    }

    /// The client's `x-request-id` if it has 1 to 128 characters that are letters, digits, `-`, `_` or `.`; otherwise a
    /// new UUID.
    mutating func id(for head: RequestHead) -> String {
        if let given = head.fields.first(.requestID), (1...128).contains(given.count),
            given.allSatisfy({ Self.isAllowed($0) })
        {
            return String(decoding: given, as: UTF8.self)
        }
        return next()
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
        default: byte.isAlphanumeric
        }
    }

    /// A version 4 UUID in lower case (RFC 9562).
    ///
    /// The UUID is unique enough to find a line in a log. It must not serve as a secret, because its random numbers can
    /// be predicted.
    mutating func next() -> String {
        let high = random() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
        let low = random() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        return unsafe String(unsafeUninitializedCapacity: 36) { text in
            var (digits, index) = (high, 0)
            while index < 36 {
                if index == 19 { digits = low }
                if index == 8 || index == 13 || index == 18 || index == 23 {
                    unsafe text[index] = UInt8(ascii: "-")
                } else {
                    let digit = UInt8(truncatingIfNeeded: digits >> 60)
                    unsafe text[index] = digit &+ (digit < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10)
                    digits <<= 4
                }
                index += 1
            }
            return index
        }
    }

    /// The next number of the splitmix64 generator.
    private mutating func random() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
