// Reads the files that listeners name in `trusted_peers` again when they have changed, and puts the new lists in force.
internal import Configuration
internal import HTTP
internal import Transport

/// Reads each file of trusted peers again when the file has changed; confined to the control thread.
///
/// A listener trusts these peers to state the address of a client, for example in a PROXY header. A new list applies to
/// the next connections and requests, without a reload of the configuration.
final class TrustedPeersFollower {
    /// The time between two checks of the files, in nanoseconds.
    private static let interval: Nanoseconds = 500_000_000

    private let loop: EventLoop
    private let say: (String, LogPriority) -> Void
    private var followed: [(peers: [TrustedPeers], file: ListFileFollower<AddressSet>)] = []
    private var timer: TimerID?

    /// - Parameter say: called with each message for the operator.
    init(loop: EventLoop, say: @escaping (String, LogPriority) -> Void = { OperatorLog.say($0, $1) }) {
        self.loop = loop
        self.say = say
    }

    /// From now on, follows the files that these listeners name for their trusted peers, and no other files.
    func adopt(_ listeners: [ListenerPlan]) {
        let all = listeners.compactMap(\.settings.access.trustedPeers)
        let old = followed
        followed = []
        for path in Set(all.compactMap(\.path)).sorted() {
            let peers = all.filter { $0.path == path }
            guard let known = old.first(where: { $0.file.path == path }) else {
                followed.append((peers, ListFileFollower(path: path, of: "trusted peers", say: say)))
                continue
            }
            // The new settings of a listener may contain a list of trusted peers that is older than the list in force,
            // for example after a certificate was renewed. So the settings get the list in force. If the file has
            // changed since it was last read, the next check reads it.
            if let current = known.peers.first?.current { for list in peers { list.replace(with: current) } }
            followed.append((peers, known.file))
        }
        if followed.isEmpty { stop() } else if timer == nil { schedule() }
    }

    /// Stops checking whether the files have changed.
    func stop() {
        if let timer { loop.timers.cancel(timer) }
        timer = nil
    }

    private func schedule() {
        timer = loop.timers.schedule(
            at: loop.now + Self.interval,
            target: TimerClosure { [unowned self] in
                look(now: Clock.wallTime().seconds)
                schedule()
            },
            kind: 0
        )
    }

    /// Checks all files for changes.
    ///
    /// - Parameter now: the present time, in seconds since 1970.
    func look(now: Int) {
        for (peers, file) in followed {
            let found = file.look(now: now) { bytes in
                do throws(AddressFile.Problem) {
                    return .success(try AddressFile(parsing: bytes).set)
                } catch {
                    return .failure(ListFileProblem(description: "\(file.path): \(error)"))
                }
            }
            guard let found else { continue }
            for peers in peers where peers.current != found { peers.replace(with: found) }
        }
    }
}
