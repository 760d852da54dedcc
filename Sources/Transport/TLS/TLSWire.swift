// The ciphertext buffers between OpenSSL and the sockets of a worker thread. Each worker has one wire, through which
// all its TLS connections read and write. A Channel, which has the socket, feeds the wire with received bytes and sends
// the wire's output. OpenSSL uses the wire as a BIO, its abstraction of input and output.

internal import COpenSSL
internal import Glibc

/// The ciphertext input and output of OpenSSL, in memory.
///
/// Only one connection uses the wire at a time. To read, a channel calls `feed` with bytes from the socket, and then
/// `TLSConnection.read` until that returns no more bytes. To write, the channel calls `TLSConnection.write`. After each
/// read or write, the channel sends `output` and calls `clearOutput`. A read can also produce output, because it
/// performs the handshake.
@safe package final class TLSWire {
    /// The maximum capacity of the output buffer between uses, in bytes; `clearOutput` frees a larger buffer.
    static let retainedCapacity = 1 << 20

    let raw: UnsafeMutablePointer<copenssl_wire>

    package init() {
        unsafe raw = .allocate(capacity: 1)
        unsafe raw.initialize(to: copenssl_wire())
    }

    /// Sets the ciphertext for the next `read`, and drops previous ciphertext that OpenSSL has not consumed.
    ///
    /// The memory is not copied, so it must stay valid until `read` returns an outcome other than `.bytes`.
    package func feed(_ ciphertext: UnsafeRawBufferPointer) {
        unsafe raw.pointee.input = ciphertext.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe raw.pointee.input_length = ciphertext.count
    }

    /// The ciphertext from `feed` that OpenSSL has not consumed yet.
    var unread: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: raw.pointee.input, count: raw.pointee.input_length)
    }

    /// How many bytes of the ciphertext from `feed` OpenSSL has not consumed yet.
    package var unreadCount: Int { unsafe raw.pointee.input_length }

    /// Ciphertext to send; valid until the next `read`, `write` or `clearOutput`.
    package var output: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: raw.pointee.output, count: raw.pointee.output_length)
    }

    /// Empties the output, after the caller has sent or copied it.
    package func clearOutput() {
        unsafe raw.pointee.output_length = 0
        guard unsafe raw.pointee.output_capacity > Self.retainedCapacity else { return }
        unsafe free(raw.pointee.output)
        unsafe raw.pointee.output = nil
        unsafe raw.pointee.output_capacity = 0
    }

    /// Drops the unread input, because the connection that received it has ended or failed.
    func dropInput() {
        unsafe raw.pointee.input = nil
        unsafe raw.pointee.input_length = 0
    }

    deinit {
        unsafe free(raw.pointee.output)
        unsafe raw.deallocate()
    }
}

/// The BIO method by which OpenSSL reads the input of a `TLSWire` and writes its output; it is never freed.
// Sound because the method is made once, before its first use, and is never changed or freed.
nonisolated(unsafe) let wireMethod: OpaquePointer = unsafe copenssl_wire_method_new()
