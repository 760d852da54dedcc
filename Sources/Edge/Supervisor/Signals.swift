// Delivers signals to the control thread's event loop: every thread blocks them, and the loop reads them from a
// signalfd.
internal import CLinux
internal import Glibc

/// Blocks the signals that the process handles, and reads them from a signalfd; made once, on the control thread.
@safe
package struct Signals {
    /// The signalfd; readable while a signal waits.
    package let descriptor: CInt

    /// The signals that the process handles.
    ///
    /// Operators and their tools send these signals. The default action of each of them would end the process.
    static let handled = [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2]

    /// Ignores SIGHUP, SIGUSR1 and SIGUSR2 until a `Signals` exists, so that they do not end the process while it
    /// starts.
    ///
    /// A blocked signal reaches the signalfd even if it is ignored (signal(7)), so no signal is lost once a `Signals`
    /// exists.
    package static func ignoreBeforeStart() {
        for number in [SIGHUP, SIGUSR1, SIGUSR2] { signal(number, SIG_IGN) }
    }

    /// Blocks `handled` in this thread and in all threads that it starts later; ignores SIGPIPE and SIGXFSZ.
    ///
    /// `write` then returns the errors EPIPE and EFBIG in place of SIGPIPE and SIGXFSZ.
    ///
    /// Must be called before any thread is started.
    package init() {
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in Self.handled { unsafe sigaddset(&set, number) }
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        descriptor = unsafe signalfd(-1, &set, clinux_SIGNALFD_FLAGS)
        precondition(descriptor >= 0, "signalfd failed")
    }

    /// Reads the next signal from the signalfd; nil if no signal waits.
    package func next() -> CInt? {
        var information = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        guard unsafe read(descriptor, &information, size) == size else { return nil }
        return CInt(information.ssi_signo)
    }
}
