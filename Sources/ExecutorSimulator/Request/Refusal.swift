// The error response that the simulator sends to a request that it does not serve.

/// An error response, thrown while a request is read.
struct Refusal: Error {
    var status: Int
    var message: String
    /// The value of `type` in the error document.
    var type = "BadRequestError"
    /// The name of the invalid request member, for `param` in the error document; nil if there is none.
    var parameter: String?
}
