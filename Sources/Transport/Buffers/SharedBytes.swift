// Bytes that several output queues can reference without copying them.

/// Immutable bytes that are sent to one client or to many.
package final class SharedBytes: Sendable {
    package let bytes: [UInt8]
    /// How much memory a queue counts for its reference to the bytes, in bytes; 0 for bytes made with `common`.
    package let footprint: Int

    /// Bytes that stay allocated independently of any queue, as long as the process or its configuration lives.
    package init(common bytes: [UInt8]) {
        self.bytes = bytes
        footprint = 0
    }

    /// Bytes that stay allocated only while a queue references them.
    package init(owned bytes: [UInt8]) {
        self.bytes = bytes
        footprint = bytes.capacity
    }

    package var count: Int { bytes.count }
}
