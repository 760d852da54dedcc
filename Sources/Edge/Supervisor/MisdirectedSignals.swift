// Finds out how long systemd may send its signals to this process although another process is the main one by now.
internal import Glibc
internal import Transport

/// The time between the hand-over to a successor and the moment at which systemd knows of it.
///
/// systemd sends a signal for the service to the process that it knows as the main one. Whatever it sends before it has
/// read `MAINPID` reaches the older process. Confined to the control thread.
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

    /// Whether a signal that is received now may be meant for the main process.
    var arePossible: Bool { descriptor != nil }

    /// Begins the time; to be called when `MAINPID` has been sent.
    ///
    /// - Parameters:
    ///   - isEnding: called when systemd knows the main process, while `arePossible` is still true. It has to handle
    ///     the signals that wait, because systemd may have sent them before.
    ///   - ended: called afterwards, when `arePossible` is false.
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
