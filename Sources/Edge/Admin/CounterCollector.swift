// Asks the workers for their counters, and has the sum. On the control thread.
internal import Inference
internal import Transport

/// What all workers have counted.
///
/// A worker that has ended, or does not answer in time, is there with what it last said: no counter ever falls.
final class CounterCollector: TimerTarget {
    /// How long a question waits for workers that are busy.
    static let patience: Nanoseconds = 1_000_000_000

    private struct Question {
        var number: Int
        var due: Nanoseconds
        var pending: Set<Int>
        var answered: () -> Void
    }

    private let loop: EventLoop
    private let share: WorkerShare
    private var latest: [WorkerCounters]
    private var hasEnded: [Bool]
    private var questions: [Question] = []
    private var asked = 0
    /// Workers that the last question that is over has heard of.
    private(set) var heard = 0

    init(loop: EventLoop, share: WorkerShare) {
        self.loop = loop
        self.share = share
        latest = Array(repeating: WorkerCounters(), count: share.doors.count)
        hasEnded = Array(repeating: false, count: share.doors.count)
    }

    var sum: WorkerCounters {
        var sum = latest[0]
        for counters in latest.dropFirst() { sum.add(counters) }
        return sum
    }

    /// Asks every worker; `answered` is called once, when all have answered or `patience` is over.
    func ask(_ answered: @escaping () -> Void) {
        asked += 1
        let pending = Set(hasEnded.indices.filter { !hasEnded[$0] && share.doors[$0].mailbox.post(.count(asked)) })
        let question = Question(
            number: asked,
            due: loop.now + Self.patience,
            pending: pending,
            answered: answered
        )
        questions.append(question)
        finish()
        guard !questions.isEmpty else { return }
        _ = loop.timers.schedule(at: question.due, target: self, kind: 0)
    }

    /// A worker has answered; its last answer has no question.
    func counted(worker: Int, number: Int, _ counters: WorkerCounters) {
        latest[worker] = counters
        if number == 0 { hasEnded[worker] = true }
        for index in questions.indices where questions[index].number <= number || number == 0 {
            questions[index].pending.remove(worker)
        }
        finish()
    }

    func timerFired(_ kind: Int) { finish() }

    private func finish() {
        while let first = questions.first, first.pending.isEmpty || first.due <= loop.now {
            questions.removeFirst()
            heard = latest.count - first.pending.count
            first.answered()
        }
    }
}
