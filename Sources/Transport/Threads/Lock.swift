// A lock around state that threads share. The lock wraps pthread_mutex_t, which ThreadSanitizer understands. With
// `Synchronization.Mutex`, ThreadSanitizer reports false races on Linux.
internal import CLinux
internal import Glibc

/// A value that only one thread at a time can access.
///
/// Hold the lock only for a few instructions, and never during a system call or a callback.
// Sound because `value` is accessed only inside `withLock`, while `mutex` is locked.
@safe
package final class Lock<Value: ~Copyable>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var value: Value

    package init(_ value: consuming sending Value) {
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        let result = unsafe pthread_mutex_init(mutex, nil)
        precondition(result == 0, "pthread_mutex_init failed")
        self.value = value
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// Calls `body` with exclusive access to the value.
    ///
    /// Blocks while another thread has access.
    package func withLock<R: ~Copyable, E: Error>(
        _ body: (inout sending Value) throws(E) -> sending R
    ) throws(E) -> sending R {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
