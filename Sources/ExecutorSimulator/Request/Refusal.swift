// Why the simulator refuses a request.

/// An error response to a request.
struct Refusal: Error {
    var status: Int
    var message: String
    /// The `type` of the error.
    var type = "BadRequestError"
    /// The member of the request at fault.
    var parameter: String?
}
