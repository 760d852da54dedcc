// Request ids of ours: UUIDs, since some executors answer 400 to an x-request-id that is none (llama-cpp-python).
struct RequestIDSource {
    private var state: UInt64

    /// A start of one's own, from the kernel.
    init() {
        state = UInt64.random(in: .min ... .max)
    }

    init(seed: UInt64) {
        state = seed
    }

    /// A version 4 UUID in lower case (RFC 9562): unique enough to find a line in a log, and no secret.
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

    /// splitmix64.
    private mutating func random() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
