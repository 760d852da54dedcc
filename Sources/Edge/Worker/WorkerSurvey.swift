// Asks all workers a question through their mailboxes, and collects the answers, which come as reports of the workers.
internal import Transport

/// Asks every worker the same question and collects the answers.
///
/// Confined to the control thread. A worker that has ended is not asked. An answer that comes after `timeout` is
/// dropped.
final class WorkerSurvey: TimerTarget {
    /// How long a question waits for its answers, in nanoseconds.
    static let timeout: Nanoseconds = 1_000_000_000

    private struct Question {
        var number: Int
        /// When the wait for the answers ends, in nanoseconds of the loop's clock.
        var due: Nanoseconds
        /// The workers that have not answered yet.
        var pending: Set<Int>
        var answered: (_ worker: Int, any Sendable) -> Void
        var finished: (_ silent: Int) -> Void
    }

    private let loop: EventLoop
    private let workers: [WorkerHandle]
    /// For each worker, whether it has ended.
    private var hasEnded: [Bool]
    private var questions: [Question] = []
    /// The number of the latest question to the workers; each question gets the next number.
    private var asked = 0

    init(loop: EventLoop, workers: [WorkerHandle]) {
        self.loop = loop
        self.workers = workers
        hasEnded = Array(repeating: false, count: workers.count)
    }

    /// Asks all workers that have not ended; several questions may be under way at once.
    ///
    /// - Parameters:
    ///   - question: returns the answer of a worker; called on the worker's thread.
    ///   - answered: called on the control thread with each answer and the index of its worker.
    ///   - finished: called once on the control thread, after the last answer or after `timeout`, with the number of
    ///     workers that have not answered.
    func ask<Answer: Sendable>(
        _ question: @escaping @Sendable (Worker) -> Answer,
        answered: @escaping (_ worker: Int, Answer) -> Void,
        finished: @escaping (_ silent: Int) -> Void
    ) {
        asked += 1
        let message = WorkerMessage.ask(asked) { question($0) }
        let pending = workers.indices.filter { !hasEnded[$0] && workers[$0].mailbox.post(message) }
        let due = loop.now + Self.timeout
        questions.append(
            Question(
                number: asked,
                due: due,
                pending: Set(pending),
                answered: { worker, answer in if let answer = answer as? Answer { answered(worker, answer) } },
                finished: finished
            )
        )
        finish()
        guard !questions.isEmpty else { return }
        _ = loop.timers.schedule(at: due, target: self, kind: 0)
    }

    /// Gives a worker's answer to the `answered` closure of the question with this number.
    ///
    /// Does nothing if the question is already finished.
    func answered(worker: Int, number: Int, _ answer: any Sendable) {
        guard let index = questions.firstIndex(where: { $0.number == number }),
            questions[index].pending.remove(worker) != nil
        else { return }
        questions[index].answered(worker, answer)
        finish()
    }

    /// Records that a worker has ended and answers no question any more.
    func ended(worker: Int) {
        hasEnded[worker] = true
        for index in questions.indices { questions[index].pending.remove(worker) }
        finish()
    }

    func timerFired(_ kind: Int) { finish() }

    /// Finishes the questions that all workers have answered, and the questions for which `timeout` has passed.
    private func finish() {
        let isOver = { [now = loop.now] (question: Question) in question.pending.isEmpty || question.due <= now }
        let over = questions.filter(isOver)
        questions.removeAll(where: isOver)
        for question in over { question.finished(question.pending.count) }
    }
}
