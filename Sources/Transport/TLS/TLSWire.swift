// The ciphertext side of TLS: one wire a worker, through which all its TLS connections read and write memory.
// The event loop feeds it and sends its output; TLSConnection hangs OpenSSL onto it.

internal import COpenSSL
internal import Glibc

/// The memory between the sockets of a worker and OpenSSL.
///
/// Only one connection uses it at a time.
/// A turn with one connection: `feed` what its socket gave, `read` until it no longer yields bytes, `write` what there is
/// to say, send `output`, `clearOutput`. Both reads and writes add to the output.
@safe package final class TLSWire {
    /// Output memory beyond this is given back as soon as it is empty.
    package static let retainedCapacity = 1 << 20

    let raw: UnsafeMutablePointer<copenssl_wire>

    package init() {
        unsafe raw = .allocate(capacity: 1)
        unsafe raw.initialize(to: copenssl_wire())
    }

    /// Lends ciphertext to the next `read`; replaces what was left of an earlier feed.
    ///
    /// The memory is not copied: it stays valid until a read has answered anything but `.bytes`.
    package func feed(_ ciphertext: UnsafeRawBufferPointer) {
        unsafe raw.pointee.input = ciphertext.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe raw.pointee.input_length = ciphertext.count
    }

    /// What of the feed OpenSSL has not taken yet.
    var unread: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: raw.pointee.input, count: raw.pointee.input_length)
    }

    /// How much of the feed OpenSSL has not taken yet.
    package var unreadCount: Int { unsafe raw.pointee.input_length }

    /// The ciphertext that waits to be sent; valid until the next read, write or `clearOutput`.
    package var output: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: raw.pointee.output, count: raw.pointee.output_length)
    }

    package func clearOutput() {
        unsafe raw.pointee.output_length = 0
        guard unsafe raw.pointee.output_capacity > Self.retainedCapacity else { return }
        unsafe free(raw.pointee.output)
        unsafe raw.pointee.output = nil
        unsafe raw.pointee.output_capacity = 0
    }

    /// Forgets the feed, so that nobody reads it after its connection is done.
    func dropInput() {
        unsafe raw.pointee.input = nil
        unsafe raw.pointee.input_length = 0
    }

    deinit {
        unsafe free(raw.pointee.output)
        unsafe raw.deallocate()
    }
}

/// How OpenSSL reads and writes a wire: immutable once made, and for the life of the process.
// Sound because the method is made once, before its first use, and never changed or freed.
nonisolated(unsafe) let wireMethod: OpaquePointer = unsafe copenssl_wire_method_new()
