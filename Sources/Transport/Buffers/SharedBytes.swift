// Bytes that several output queues can reference without copying them.

/// Immutable bytes that are sent to one client or to many.
package final class SharedBytes: Sendable {
    package let bytes: [UInt8]
    /// How many bytes of memory a `ByteQueue` counts when it refers to these bytes; 0 after `init(common:)`.
    package let footprint: Int

    /// Wraps bytes that a long-lived owner, such as the configuration, keeps in memory.
    ///
    /// Queues do not add these bytes to their `footprint`.
    package init(common bytes: [UInt8]) {
        self.bytes = bytes
        footprint = 0
    }

    /// Wraps bytes that are freed when no queue refers to them any more.
    ///
    /// Each queue that refers to the bytes adds them to its `footprint`.
    package init(owned bytes: [UInt8]) {
        self.bytes = bytes
        footprint = bytes.capacity
    }

    package var count: Int { bytes.count }
}
