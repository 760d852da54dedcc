// Bytes that output queues reference instead of copying them.

/// Immutable bytes to send to one client or to many.
package final class SharedBytes: Sendable {
    package let bytes: [UInt8]
    /// The memory that a queue counts for its reference to the bytes, in bytes; 0 for common ones.
    package let footprint: Int

    /// Bytes that live as long as the process or its configuration anyway.
    package init(common bytes: [UInt8]) {
        self.bytes = bytes
        footprint = 0
    }

    /// Bytes that live as long as the queue that references them.
    package init(owned bytes: [UInt8]) {
        self.bytes = bytes
        footprint = bytes.capacity
    }

    package var count: Int { bytes.count }
}
