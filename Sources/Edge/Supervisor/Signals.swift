// Signals as events of the control loop: blocked in every thread, and read from a signalfd.
internal import CLinux
internal import Glibc

/// The signals that the process handles; made once, on the control thread.
@safe
package struct Signals {
    /// The signalfd; readable while a signal waits.
    package let descriptor: CInt

    /// The signals that are handled: those that operators and their tools send, and that would otherwise end the
    /// process.
    static let handled = [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2]

    /// Ignores the signals that must not end a process which has not started yet.
    ///
    /// A blocked signal reaches the signalfd even if it is ignored (signal(7)), so none is lost once a `Signals`
    /// exists.
    package static func ignoreBeforeStart() {
        for number in [SIGHUP, SIGUSR1, SIGUSR2] { signal(number, SIG_IGN) }
    }

    /// Blocks `handled` in this thread and in those that it starts; ignores SIGPIPE and SIGXFSZ, whose causes `write`
    /// returns as errors.
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

    /// Takes the next signal that has come; nil if there is none.
    package func next() -> CInt? {
        var information = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        guard unsafe read(descriptor, &information, size) == size else { return nil }
        return CInt(information.ssi_signo)
    }
}
