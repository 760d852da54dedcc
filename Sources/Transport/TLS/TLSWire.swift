// The ciphertext side of TLS: each worker has one wire, through which all its TLS connections read and write memory.
// Channels feed it and send its output; TLSConnection makes it the BIO of OpenSSL.

internal import COpenSSL
internal import Glibc

/// The memory between the sockets of a worker and OpenSSL.
///
/// Only one connection uses it at a time: the channel calls `feed` with bytes from the socket, then `read` until it
/// yields no more bytes; or `write`; then it sends `output` and calls `clearOutput`. Reads and writes both add to the
/// output.
@safe package final class TLSWire {
    /// An output buffer larger than this, in bytes, is freed as soon as it is empty.
    static let retainedCapacity = 1 << 20

    let raw: UnsafeMutablePointer<copenssl_wire>

    package init() {
        unsafe raw = .allocate(capacity: 1)
        unsafe raw.initialize(to: copenssl_wire())
    }

    /// Lends ciphertext to the next `read`; replaces what was left of an earlier feed.
    ///
    /// The memory is not copied: it must stay valid until a read has returned anything but `.bytes`.
    package func feed(_ ciphertext: UnsafeRawBufferPointer) {
        unsafe raw.pointee.input = ciphertext.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe raw.pointee.input_length = ciphertext.count
    }

    /// The fed bytes that OpenSSL has not taken yet.
    var unread: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: raw.pointee.input, count: raw.pointee.input_length)
    }

    /// The number of fed bytes that OpenSSL has not taken yet.
    package var unreadCount: Int { unsafe raw.pointee.input_length }

    /// Ciphertext to send; valid until the next read, write or `clearOutput`.
    package var output: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: raw.pointee.output, count: raw.pointee.output_length)
    }

    /// Empties the output after it was sent or copied.
    package func clearOutput() {
        unsafe raw.pointee.output_length = 0
        guard unsafe raw.pointee.output_capacity > Self.retainedCapacity else { return }
        unsafe free(raw.pointee.output)
        unsafe raw.pointee.output = nil
        unsafe raw.pointee.output_capacity = 0
    }

    /// Drops the rest of the feed when its connection has ended.
    func dropInput() {
        unsafe raw.pointee.input = nil
        unsafe raw.pointee.input_length = 0
    }

    deinit {
        unsafe free(raw.pointee.output)
        unsafe raw.deallocate()
    }
}

/// The BIO method with which OpenSSL reads and writes a wire; lives as long as the process.
// Sound because the method is made once, before its first use, and never changed or freed.
nonisolated(unsafe) let wireMethod: OpaquePointer = unsafe copenssl_wire_method_new()
