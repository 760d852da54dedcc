// A request body for which the memory budget has no room: its pieces are held back, so that flow control stops the
// client, until there is room or the exchange is refused.
internal import HTTP
internal import Inference
internal import Transport

extension Exchange {
    /// Takes a piece of a body for which there may be no room, or which has waited before.
    ///
    /// If there is no room, the piece is held back, and the stream is not told that it is consumed. So the client soon
    /// has to stop: HTTP/2 opens no window, and on HTTP/1.1 reading pauses.
    func takeScarce(_ bytes: Span<UInt8>, into body: RequestBody) {
        guard let request else { return }
        let wait = bodyWait(of: request)
        let isBeginning = !wait.isHeld
        if isBeginning {
            if findsRoom(for: bytes.count, in: body, wait) {
                take(bytes, into: body, wait)
                return
            }
            guard phase == .body else { return }
            deadlines.body = now + BodyWait.interval
            arm()
        }
        // Pieces that are held back may take only a small part of the budget. If that part is full, the body takes room
        // that has become free meanwhile. If there is none, the body that has waited longest is refused, so that its
        // pieces make room for this one.
        while !wait.hold(bytes, in: environment.budget, at: now) {
            if takesRoom(for: wait.pieces.count + bytes.count, in: body, wait) {
                take(bytes, into: body, wait)
                return
            }
            guard environment.refuseLongestWait(besides: self) else {
                handle(.refused(.noMemory(because: "there was no memory for the part that waited")))
                return
            }
        }
        if isBeginning { stream.connection.heldBodies += 1 }
    }

    /// Appends the pieces that are held back, and then `bytes`, to a body for which there is room now, and ends its
    /// wait.
    private func take(_ bytes: Span<UInt8>, into body: RequestBody, _ wait: BodyWait) {
        let pieces = wait.pieces
        body.append(pieces.span)
        body.append(bytes)
        if wait.isHeld { release(wait) }
        deadlines.body = bodyDue(held: wait.waited(at: now))
        stream.consumed(pieces.count + bytes.count)
    }

    /// Handles the deadline of the body: the next piece is late, or a body that waits asks for room again.
    func bodyDeadlinePassed() {
        guard phase == .body, let request, let body = request.body, let wait = request.wait, wait.isHeld else {
            if phase == .body, stream.connection.heldBodies > 0 {
                deadlines.body = now + Self.siblingInterval
            } else {
                handle(.deadlinePassed(.body))
            }
            return
        }
        guard findsRoom(for: wait.pieces.count, in: body, wait) else {
            if phase == .body { deadlines.body = now + BodyWait.interval }
            return
        }
        take(Span(), into: body, wait)
        if wait.isWhole { requestEnded() }
    }

    /// Decides whether the end of the request has to wait, because pieces of the body are held back.
    ///
    /// A body that is whole asks for room again in this turn of the loop, because it may now find some.
    func endWaits(_ wait: BodyWait) -> Bool {
        wait.isWhole = wait.isHeld
        guard wait.isHeld else {
            wait.leave(environment.bodyQueue, record.id)
            return false
        }
        deadlines.body = now
        arm()
        return true
    }

    /// Ends the wait of the body, if it waits, because the exchange needs the body no longer.
    func endBodyWait() {
        guard let wait = request?.wait else { return }
        wait.leave(environment.bodyQueue, record.id)
        release(wait)
    }

    private func release(_ wait: BodyWait) {
        if wait.isHeld { stream.connection.heldBodies -= 1 }
        wait.release(to: environment.budget, at: now)
    }

    /// How long a body is not late while another body of its connection waits for memory, in nanoseconds; then it is
    /// checked again.
    private static let siblingInterval: Nanoseconds = 1_000_000_000

    private func bodyWait(of request: IncomingRequest) -> BodyWait {
        if let wait = request.wait { return wait }
        let wait = BodyWait(began: record.began)
        request.wait = wait
        return wait
    }

    /// Charges the memory that the next `count` bytes of the body need; if there is no room, returns false, and may
    /// have refused the request.
    private func findsRoom(for count: Int, in body: RequestBody, _ wait: BodyWait) -> Bool {
        let room = wait.findRoom(
            for: body.footprint(appending: count),
            of: arriving,
            in: &memory,
            queue: environment.bodyQueue,
            at: now
        )
        switch room {
        case .found: return true
        case .none(let slow): if let slow { environment.refuse(slow) }
        case .refused:
            handle(.refused(.noMemory(because: wait.isHeld ? "the body waited for memory for too long" : nil)))
        }
        return false
    }

    /// Charges free memory for the next `count` bytes of a body, although other bodies wait for it.
    private func takesRoom(for count: Int, in body: RequestBody, _ wait: BodyWait) -> Bool {
        wait.takeRoom(
            for: body.footprint(appending: count),
            of: arriving,
            in: &memory,
            queue: environment.bodyQueue
        )
    }

    /// The body of the request, as `BodyWait` needs to know it.
    private var arriving: BodyWait.Body {
        var length: Int?
        if case .known(let bytes)? = request?.head.body { length = bytes }
        return BodyWait.Body(id: record.id, arrived: record.bytesIn, length: length)
    }

    // MARK: Bodies that make room for others

    /// How long the body has waited in all its waits together; nil if it does not wait now, or has waited for less than
    /// a second.
    fileprivate var longWait: Nanoseconds? {
        guard phase == .body, let wait = request?.wait, wait.isHeld else { return nil }
        let waited = wait.waited(at: now)
        return waited >= BodyQueue.pressAfter ? waited : nil
    }

    /// How fast the body of the request arrives, and how much memory it takes; nil if no body is arriving, if its pace
    /// is not measured yet, or if its buffer is too small to be worth a refusal.
    fileprivate var arrivingBody: SlowBodies.Candidate? {
        guard phase == .body, record.bodyEnded == 0, memory.body >= SlowBodies.footprintMin, let request else {
            return nil
        }
        let wait = bodyWait(of: request)
        let pace = wait.bytesPerSecond(arrived: record.bytesIn, at: now)
        guard wait.isPaceMeasured, !wait.isWhole else { return nil }
        // A body may arrive slowly because others of its connection wait, whose bytes close the common window.
        if !wait.isHeld, stream.connection.heldBodies > 0 { return nil }
        return SlowBodies.Candidate(bytesPerSecond: pace, footprint: memory.body)
    }
}

extension [Exchange] {
    /// Refuses the body that has waited longest, if one has waited for at least a second.
    ///
    /// - Returns: false if there is no such body.
    func refuseLongestWait(besides asker: Exchange) -> Bool {
        let waiting = compactMap { exchange in
            exchange === asker ? nil : exchange.longWait.map { (exchange: exchange, waited: $0) }
        }
        guard let longest = waiting.max(by: { $0.waited < $1.waited }) else { return false }
        longest.exchange.handle(
            .refused(.noMemory(because: "the body waited the longest when more bodies had to wait"))
        )
        return true
    }

    /// Refuses the slowest of the bodies that are arriving.
    ///
    /// - Returns: how many were refused.
    func refuse(_ slow: SlowBodies) -> Int {
        let arriving = compactMap { exchange in exchange.arrivingBody.map { (exchange, $0) } }
        let chosen = slow.chosen(among: arriving.map(\.1))
        for index in chosen {
            let failure = Failure.noMemory(
                because: "the body was slow, at \(arriving[index].1.bytesPerSecond) bytes a second"
            )
            arriving[index].0.handle(.refused(failure))
        }
        return chosen.count
    }
}
