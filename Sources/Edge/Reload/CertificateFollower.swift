// Compares the certificate files with the served certificates every 10 s, so that a renewed certificate is served
// without a reload.
internal import Configuration
internal import Transport

/// Replaces the served certificates of all listeners when their files change; confined to the control thread.
///
/// The follower compares the contents of the files. Their modification times do not suffice, because certbot replaces a
/// symbolic link, and a copied file may keep the time of the original.
final class CertificateFollower {
    /// The time between two comparisons of the files with the served certificates, in nanoseconds.
    private static let interval: Nanoseconds = 10_000_000_000
    /// The time between two warnings about the expiry of one certificate, in seconds.
    private static let warningInterval = 86_400

    private let loop: EventLoop
    private let running: RunningConfiguration
    /// Reads the certificate files, and puts changed certificates in force.
    ///
    /// Returns why some of the files cannot be used; nil if no problem was found.
    private let renew: () -> String?
    private var timer: TimerID?
    /// The problem that the last comparison of the files with the served certificates found; nil if it found none.
    private var problem: String?
    /// The time of the last warning about each certificate, in seconds since 1970, by the path of its chain file.
    private var warned: [String: Int] = [:]

    /// Starts to compare the certificate files with the served certificates, every 10 s.
    ///
    /// - Parameter renew: reads the files and puts changed certificates in force; returns the problem, or nil.
    init(loop: EventLoop, running: RunningConfiguration, renew: @escaping () -> String?) {
        self.loop = loop
        self.running = running
        self.renew = renew
        // The server has just checked these certificates at its start, and has warned of those that expire soon.
        let now = Clock.wallTime().seconds
        for contents in running.snapshot.listeners.flatMap(\.certificates) { warned[contents.files.chain] = now }
        schedule()
    }

    /// Stops comparing the certificate files with the served certificates.
    func stop() {
        if let timer { loop.timers.cancel(timer) }
        timer = nil
    }

    private func schedule() {
        timer = loop.timers.schedule(
            at: loop.now + Self.interval,
            target: TimerClosure { [unowned self] in
                look()
                schedule()
            },
            kind: 0
        )
    }

    /// Puts changed certificates in force, and warns of certificates that expire soon.
    func look() {
        let found = renew()
        if let found, found != problem { OperatorLog.warn("the certificates in force stay: \(found)") }
        problem = found
        warn(at: Clock.wallTime().seconds)
    }

    private func warn(at now: Int) {
        let notice = running.configuration.certificateNotice.components.seconds
        for contents in running.snapshot.listeners.flatMap(\.certificates) {
            let chain = contents.files.chain
            guard now - (warned[chain] ?? 0) >= Self.warningInterval,
                let text = CertificateInspection.warning(contents, now: Int64(now), notice: notice)
            else { continue }
            warned[chain] = now
            OperatorLog.warn(text)
        }
    }
}
