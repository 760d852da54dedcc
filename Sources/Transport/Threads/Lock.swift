// Mutual exclusion for the state that threads share. `Synchronization.Mutex` would do, but ThreadSanitizer
// reports false races with it on Linux, so this wraps pthread_mutex_t, which the sanitizer understands.
internal import CLinux
internal import Glibc

/// A value that one thread at a time can access.
///
/// Hold the lock only for a few instructions, and never during a system call or a callback.
// Sound because `value` is reached only inside `withLock`, between lock and unlock of `mutex`.
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

    /// Calls `body` with exclusive access to the value; waits while another thread has it.
    package func withLock<R: ~Copyable, E: Error>(
        _ body: (inout sending Value) throws(E) -> sending R
    ) throws(E) -> sending R {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
