// Hashes the beginnings of a prompt, so that pools recognize prompts that begin alike.

internal import CPrefixHash
package import Routing
internal import Transport

/// Computes the hashes of the beginnings of prompts, with a random secret.
///
/// Only the hashes of one hasher can be compared, so a process makes one hasher, and shares it between its threads.
///
/// The data of images, audio, video and files does not count towards the length of a prompt. But prompts with different
/// images, for example, have different hashes. A prompt is hashed as the client wrote it. So texts that are equal once
/// they are parsed, but differ in white space or in escapes, have different hashes. The order of the members of the
/// body does not matter.
package struct PromptHasher: Sendable {
    private let secret: [UInt8]

    /// Makes a hasher with a new random secret.
    package init() { secret = Randomness.bytes(CPREFIXHASH_SECRET) }

    /// The hashes of the beginnings of the prompt of one request.
    ///
    /// - Parameters:
    ///   - body: The body.
    ///   - scan: What the scan of this body has found.
    ///   - salt: A text that is hashed with the prompt, such as the tenant. Prompts with different salts have different
    ///     hashes, and so have prompts with different values of `cache_salt`.
    ///   - leavingOutBilling: Whether the executor gets the body without the billing header, a text that coding agents
    ///     put first in the system prompt. If so, the hashes do not depend on that text.
    /// - Returns: an empty prefix if the scan has found no prompt, if the prompt is shorter than `PromptPrefix.step`,
    ///   or if it has so many images and other media that `scan.contents` is nil.
    package func prefix(
        of body: RequestBody,
        _ scan: RequestScan,
        salt: String,
        leavingOutBilling: Bool
    ) -> PromptPrefix {
        let capacity = min(scan.prompt.count / PromptPrefix.step, PromptPrefix.marksMax)
        guard capacity > 0, let contents = scan.contents else { return PromptPrefix() }
        let ranges = contents.map(cprefixhash_range.init)
        var marks = Self.marks
        var salt = salt
        let hashes = unsafe body.withPaddedBytes { bytes in
            var prompt = unsafe cprefixhash_prompt(
                bytes: bytes.baseAddress,
                tools: cprefixhash_range(scan.prompt.tools),
                system: cprefixhash_range(scan.prompt.system),
                messages: cprefixhash_range(scan.prompt.messages),
                left_out: cprefixhash_range(leavingOutBilling ? scan.billing ?? 0..<0 : 0..<0),
                contents: nil,
                contents_count: ranges.count
            )
            if let own = scan.cacheSalt {
                salt += unsafe "\0" + String(decoding: UnsafeBufferPointer(rebasing: bytes[own]), as: UTF8.self)
            }
            return salt.withUTF8 { salt in
                unsafe [UInt64](unsafeUninitializedCapacity: capacity) { hashes, count in
                    count = unsafe ranges.withUnsafeBufferPointer { ranges in
                        unsafe prompt.contents = ranges.baseAddress
                        return unsafe cprefixhash(
                            secret,
                            salt.baseAddress,
                            salt.count,
                            &prompt,
                            &marks,
                            hashes.baseAddress,
                            capacity
                        )
                    }
                }
            }
        }
        return PromptPrefix(hashes: hashes)
    }

    /// The hash of some bytes, such as the name of a session.
    ///
    /// - Parameter salt: a text that is hashed with the bytes, such as the tenant. The same name then has different
    ///   hashes for different tenants.
    package func hash(_ bytes: [UInt8], salt: String) -> UInt64 {
        unsafe bytes.withUnsafeBufferPointer { unsafe hash($0, salt) }
    }

    /// The hash of a range of a body, such as the value of the member that names a session.
    package func hash(_ body: RequestBody, _ range: Range<Int>, salt: String) -> UInt64 {
        unsafe body.withPaddedBytes { unsafe hash(UnsafeBufferPointer(rebasing: $0[range]), salt) }
    }

    @unsafe private func hash(_ bytes: UnsafeBufferPointer<UInt8>, _ salt: String) -> UInt64 {
        var salt = salt
        return salt.withUTF8 { salt in
            unsafe cprefixhash_name(secret, salt.baseAddress, salt.count, bytes.baseAddress, bytes.count)
        }
    }

    private static var marks: cprefixhash_marks {
        cprefixhash_marks(
            step: PromptPrefix.step,
            near_bytes: PromptPrefix.nearBytes,
            far_step: PromptPrefix.farStep,
            bytes_max: PromptPrefix.bytesMax
        )
    }
}

extension cprefixhash_range {
    fileprivate init(_ range: Range<Int>) { self.init(offset: range.lowerBound, length: range.count) }
}
