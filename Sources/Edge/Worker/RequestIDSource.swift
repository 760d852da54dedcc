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
            var index = 0
            for place in 0..<32 {
                if place == 8 || place == 12 || place == 16 || place == 20 {
                    unsafe text[index] = UInt8(ascii: "-")
                    index += 1
                }
                let digit = UInt8(truncatingIfNeeded: (place < 16 ? high : low) >> UInt64(60 - 4 * (place % 16))) & 0xF
                unsafe text[index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
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
