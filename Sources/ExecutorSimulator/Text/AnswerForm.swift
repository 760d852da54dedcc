// The shape of a response in a dialect.

/// Writes the events and bodies of one dialect.
///
/// Each event ends in a blank line, and lines end in LF.
protocol AnswerForm {
    init(_ facts: AnswerFacts)
    /// The events before the first token.
    func opening() -> [[UInt8]]
    /// The template of the token events of a choice.
    func token(choice: Int) -> EventTemplate
    /// The events after the last token; the last one ends the stream.
    ///
    /// - Parameters:
    ///   - texts: The whole text of each choice.
    ///   - tokens: The tokens of all choices.
    ///   - number: The sequence number of the first of these events, in dialects that have one.
    func closing(texts: [String], tokens: Int, number: Int) -> [[UInt8]]
    /// The events that report an error inside of a stream.
    func failure(_ fault: StreamFault, number: Int) -> [[UInt8]]
    /// The body of a response that is not streamed.
    func whole(texts: [String], tokens: Int) -> [UInt8]
}

extension ModelEndpoint {
    /// The shape of the endpoint's responses.
    func form(_ facts: AnswerFacts) -> any AnswerForm {
        switch self {
        case .completions: CompletionsForm(facts)
        case .responses: ResponsesForm(facts)
        case .messages: MessagesForm(facts)
        default: ChatForm(facts)
        }
    }
}
