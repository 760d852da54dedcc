// Ends a bench early after SIGINT or SIGTERM. The bench still prints the figures that it has measured until then.
internal import CLinux
internal import Glibc
internal import Transport

/// Records the first SIGINT or SIGTERM.
///
/// A second signal ends the process at once.
///
/// SIGINT and SIGTERM are blocked, and the bench's event loop reads them from a signalfd.
final class Interrupt {
    private final class Flag {
        var isRaised = false
    }

    private let flag = Flag()
    /// Whether a signal has arrived.
    var isRaised: Bool { flag.isRaised }

    init(loop: EventLoop) {
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe sigaddset(&signals, SIGINT)
        unsafe sigaddset(&signals, SIGTERM)
        unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
        let descriptor = unsafe signalfd(-1, &signals, clinux_NONBLOCK_CLOEXEC)
        precondition(descriptor >= 0, "signalfd failed")
        let flag = flag
        loop.watch(descriptor: descriptor) {
            var taken = signalfd_siginfo()
            _ = unsafe read(descriptor, &taken, MemoryLayout<signalfd_siginfo>.size)
            if flag.isRaised { exit(130) }
            flag.isRaised = true
        }
    }
}
