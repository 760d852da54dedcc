// The error response that the simulator sends to a request that it does not serve.

/// An error response, thrown while a request is read.
struct Refusal: Error {
    var status: Int
    var message: String
    /// The member `type` of the error document.
    var type = "BadRequestError"
    /// The member `param` of the error document: the name of the invalid member of the request; nil if there is none.
    var parameter: String?
}
