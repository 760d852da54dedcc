import Glibc
import Testing

@testable import Edge

@Suite struct SignalsTests {
    @Test func everySignalThatOperatorsSendIsHandled() {
        #expect(Set(Signals.handled) == [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2])
    }
}
