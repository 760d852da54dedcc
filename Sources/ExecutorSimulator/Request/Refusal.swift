// The error response of the simulator to a request that it does not serve.

/// An error response.
struct Refusal: Error {
    var status: Int
    var message: String
    /// The value of `type` in the error document.
    var type = "BadRequestError"
    /// The name of the invalid request member, for `param` in the error document; nil if there is none.
    var parameter: String?
}
