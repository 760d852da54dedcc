// After an upgrade, systemd may for a short time still send signals to this process that are meant for its successor.
internal import Glibc
internal import Transport

/// The time between the hand-over to a successor and the moment at which systemd knows the successor as the main
/// process.
///
/// systemd sends a signal for the service to the process that it knows as the main one. Until it has read the message
/// `MAINPID`, that is this older process. Confined to the control thread.
final class MisdirectedSignals {
    /// How long systemd may take to read `MAINPID`, in nanoseconds; later signals count as meant for this process.
    private static let timeMax: Nanoseconds = 10_000_000_000

    private let loop: EventLoop
    private let environment: [String: String]
    private var descriptor: CInt?
    private var watch: SlabKey?
    private var isEnding: () -> Void = {}
    private var ended: () -> Void = {}

    init(loop: EventLoop, environment: [String: String]) {
        self.loop = loop
        self.environment = environment
    }

    /// Whether a signal that this process receives now may be meant for its successor, because systemd may not know yet
    /// that the successor is the main process.
    var arePossible: Bool { descriptor != nil }

    /// Begins to wait until systemd has read the message `MAINPID`, by which it learns that the successor is the main
    /// process.
    ///
    /// The caller has just sent that message. If systemd cannot be asked to report that it has read the message, the
    /// function does nothing, and calls neither closure.
    ///
    /// - Parameters:
    ///   - isEnding: called when systemd knows the new main process, or after `timeMax`. The closure must handle the
    ///     signals that have arrived. These may still be meant for the successor, so `arePossible` stays true during
    ///     the call.
    ///   - ended: called after `isEnding`, when `arePossible` is false.
    func begin(isEnding: @escaping () -> Void, ended: @escaping () -> Void = {}) {
        guard let descriptor = ServiceNotifier.barrier(environment: environment) else { return }
        self.descriptor = descriptor
        (self.isEnding, self.ended) = (isEnding, ended)
        do throws(SystemError) {
            watch = try loop.watchUntilUnwatched(descriptor: descriptor) { [unowned self] in end() }
        } catch {
            return end()
        }
        let late = TimerClosure { [unowned self] in end() }
        _ = loop.timers.schedule(at: loop.now + Self.timeMax, target: late, kind: 0)
    }

    private func end() {
        guard let descriptor else { return }
        isEnding()
        if let watch { loop.unwatch(watch, descriptor: descriptor) }
        watch = nil
        close(descriptor)
        self.descriptor = nil
        ended()
    }
}
