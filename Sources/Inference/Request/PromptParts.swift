// The positions of the prompt's parts in a request body, as a scan of the body finds them.

/// The members of a request body that make up its prompt, in the order in which models read them.
///
/// Each range is that of the member's value as written, in bytes of the body, without the white space around it; the
/// range is empty if the body does not have the member.
package struct PromptParts: Equatable, Sendable {
    /// The value of `tools`.
    package var tools: Range<Int>
    /// The value of `system` in Anthropic's dialects, or of `instructions` in OpenAI's responses.
    package var system: Range<Int>
    /// The value of `messages`, of `prompt` in completions, or of `input` in OpenAI's responses.
    package var messages: Range<Int>

    /// The number of bytes of all members together.
    package var count: Int { tools.count + system.count + messages.count }

    /// Makes the parts from the ranges of the members; without a range, the body does not have the member.
    package init(tools: Range<Int> = 0..<0, system: Range<Int> = 0..<0, messages: Range<Int> = 0..<0) {
        self.tools = tools
        self.system = system
        self.messages = messages
    }
}
