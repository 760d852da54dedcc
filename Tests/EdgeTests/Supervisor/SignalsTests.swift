import Glibc
import Testing

@testable import Edge

@Suite struct SignalsTests {
    @Test func everySignalThatOperatorsSendHasAnEffectOrIsExplained() {
        #expect(Set(Signals.handled) == [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2])
        #expect(Supervisor.ignored(SIGUSR2)?.contains("is ignored") == true)
        for signal in [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1] { #expect(Supervisor.ignored(signal) == nil) }
    }
}
