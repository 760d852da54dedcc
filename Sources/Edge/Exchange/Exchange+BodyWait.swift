// What an exchange does with a request body for which too little memory is free. The exchange holds the arriving pieces
// back and does not report them as consumed, so flow control soon stops the client. The wait ends when memory for the
// body is free or the request is refused.
internal import HTTP
internal import Inference
internal import Transport

extension Exchange {
    /// Handles the next piece of a body while memory is short, or after the body has already waited for memory once.
    ///
    /// If too little memory is free for the piece, the piece is held back and not reported to the stream as consumed.
    /// So the client soon has to stop: on HTTP/2 the server does not enlarge the flow-control window, and on HTTP/1.1
    /// it stops reading from the connection.
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
        // All waiting bodies together may hold back pieces only in a small part of the memory budget. If that part is
        // full, there are two ways out. If the rest of the budget has room again, this body gets its memory there and
        // waits no longer. Otherwise the body that has waited longest is refused, which frees the memory of its pieces
        // for this piece.
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

    /// Ends the wait of a body for memory, after the memory was charged: appends to the body the pieces that have
    /// waited, and then `bytes`.
    private func take(_ bytes: Span<UInt8>, into body: RequestBody, _ wait: BodyWait) {
        let pieces = wait.pieces
        body.append(pieces.span)
        body.append(bytes)
        if wait.isHeld { release(wait) }
        deadlines.body = bodyDue(held: wait.waited(at: now))
        stream.consumed(pieces.count + bytes.count)
    }

    /// Reacts when the deadline of the body has passed.
    ///
    /// If the body waits for memory, the exchange asks for memory again. If only another body of the connection waits
    /// for memory, the deadline is postponed. Otherwise the client sends the body too slowly, and the exchange fails.
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

    /// Returns whether the end of the request must be handled later, because pieces of its body still wait for memory.
    ///
    /// If so, the exchange asks for memory again at once. Now that the body has arrived whole, it may get memory that
    /// is kept for small whole bodies (`ExchangeMemory.growWholeBody`).
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

    /// Ends the wait of the body for memory, if it waits, because the exchange no longer needs the body.
    func endBodyWait() {
        guard let wait = request?.wait else { return }
        wait.leave(environment.bodyQueue, record.id)
        release(wait)
    }

    private func release(_ wait: BodyWait) {
        if wait.isHeld { stream.connection.heldBodies -= 1 }
        wait.release(to: environment.budget, at: now)
    }

    /// The time in nanoseconds by which the deadline of a body is postponed while another body of its connection waits
    /// for memory.
    ///
    /// The other body fills the flow-control window of the connection, so this body may be late through no fault of its
    /// client.
    private static let siblingInterval: Nanoseconds = 1_000_000_000

    private func bodyWait(of request: IncomingRequest) -> BodyWait {
        if let wait = request.wait { return wait }
        let wait = BodyWait(began: record.began)
        request.wait = wait
        return wait
    }

    /// Charges the memory that the next `count` bytes of the body need; returns false if too little is free.
    ///
    /// Refuses the request if the body has waited for too long, or is larger than the memory budget could ever hold.
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

    /// Charges memory for the next `count` bytes of a body, although other bodies wait for memory; returns false if too
    /// little is free.
    ///
    /// The exchange calls this if there is not even memory for the pieces that it would hold back while the body waits.
    private func takesRoom(for count: Int, in body: RequestBody, _ wait: BodyWait) -> Bool {
        wait.takeRoom(
            for: body.footprint(appending: count),
            of: arriving,
            in: &memory,
            queue: environment.bodyQueue
        )
    }

    /// The facts about this request's body by which `BodyWait` decides whether the body gets memory.
    private var arriving: BodyWait.Body {
        var length: Int?
        if case .known(let bytes)? = request?.head.body { length = bytes }
        return BodyWait.Body(id: record.id, arrived: record.bytesIn, length: length)
    }

    // MARK: Bodies that are refused in favour of others

    /// How long the body has waited for memory in all; nil if it does not wait now, or has waited for less than a
    /// second.
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
        // While another body of the connection waits, its bytes fill the flow-control window of the connection. This
        // body may then arrive slowly for that reason alone, so its pace is not judged.
        if !wait.isHeld, stream.connection.heldBodies > 0 { return nil }
        return SlowBodies.Candidate(bytesPerSecond: pace, footprint: memory.body)
    }
}

extension [Exchange] {
    /// Refuses the request whose body has waited longest for memory, if that is at least a second, to free its memory.
    ///
    /// - Parameter asker: the exchange that needs the memory, which is not refused.
    /// - Returns: false if no other body has waited that long.
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

    /// Refuses the slowest of the request bodies that are arriving, to free memory for bodies that wait.
    ///
    /// - Returns: how many requests were refused.
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
