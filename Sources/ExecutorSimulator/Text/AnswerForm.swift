// The format of responses in one dialect.

/// Writes the simulated executor's responses in one dialect: the events of streams, and whole bodies.
///
/// Each event ends with a blank line. All lines end in LF.
protocol AnswerForm {
    init(_ facts: AnswerFacts)
    /// The events before the first token.
    func opening() -> [[UInt8]]
    /// The template for the token events of one choice.
    func token(choice: Int) -> EventTemplate
    /// The template for the events of one choice that carry reasoning; nil if the response has no reasoning.
    func reasoning(choice: Int) -> EventTemplate?
    /// The events after the last token.
    ///
    /// The last of these events ends the stream.
    ///
    /// - Parameters:
    ///   - texts: the complete text of each choice.
    ///   - tokens: how many tokens all choices have together.
    ///   - number: the sequence number of the first returned event, for dialects that number their events.
    func closing(texts: [String], tokens: Int, number: Int) -> [[UInt8]]
    /// The events that report an error inside of a stream.
    func failure(_ fault: StreamFault, number: Int) -> [[UInt8]]
    /// The body of a response that is not streamed.
    func whole(texts: [String], tokens: Int) -> [UInt8]
}

extension AnswerForm {
    func reasoning(choice: Int) -> EventTemplate? { nil }
}

extension ModelEndpoint {
    /// The `AnswerForm` that writes the responses of this endpoint.
    func form(_ facts: AnswerFacts) -> any AnswerForm {
        switch self {
        case .completions: CompletionsForm(facts)
        case .responses: ResponsesForm(facts)
        case .messages: MessagesForm(facts)
        default: ChatForm(facts)
        }
    }
}
